/** A profile that cannot be. The message names the field. */
export class FlowProfileError extends Error {
  override readonly name = 'FlowProfileError';
}

/** What a number in a profile may be. */
export interface NumberRule {
  /** Where it is left out. */
  readonly otherwise: number;
  readonly least: number;
  readonly most: number;
  readonly isWhole?: boolean;
}

/** By the name of the field. */
export type Rules = Readonly<Record<string, NumberRule>>;

/** @throws FlowProfileError where `json` is no object, or has other fields than `names` */
export function readFields(json: unknown, path: string, names: readonly string[]): Record<string, unknown> {
  const object = asObject(json, path);
  const stranger = Object.keys(object).find((name) => !names.includes(name));
  if (stranger === undefined) return object;
  const known = names.length === 0 ? 'none but kind' : names.join(', ');
  throw new FlowProfileError(`${path} has no field ${JSON.stringify(stranger)}; its fields are ${known}`);
}

/** The fields of `rules`; those that are left out are as the rules say. @throws FlowProfileError */
export function readNumbers<T extends Rules>(json: unknown, path: string, rules: T): Record<keyof T, number> {
  const object = readFields(json, path, Object.keys(rules));
  const fields = Object.entries(rules).map(([name, rule]) => [
    name,
    readNumber(object[name] ?? rule.otherwise, `${path}.${name}`, rule),
  ]);
  return Object.fromEntries(fields) as Record<keyof T, number>;
}

/** An object whose `kind`, one of `variants`, says which fields it has. @throws FlowProfileError */
export function readVariant(
  json: unknown,
  path: string,
  variants: Readonly<Record<string, Rules>>,
): { kind: string } & Record<string, unknown> {
  const { kind, ...fields } = asObject(json, path);
  if (typeof kind !== 'string' || !Object.hasOwn(variants, kind)) {
    const kinds = Object.keys(variants).join(', ');
    throw new FlowProfileError(`${path}.kind must be one of ${kinds}, not ${JSON.stringify(kind)}`);
  }
  return { kind, ...readNumbers(fields, path, variants[kind]) };
}

function asObject(json: unknown, path: string): Record<string, unknown> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new FlowProfileError(`${path} must be an object, not ${JSON.stringify(json)}`);
}

function readNumber(value: unknown, path: string, { least, most, isWhole = false }: NumberRule): number {
  const fits =
    typeof value === 'number' && value >= least && value <= most && (!isWhole || Number.isInteger(value));
  if (fits) return value;
  const what = isWhole ? 'a whole number' : 'a number';
  throw new FlowProfileError(
    `${path} must be ${what} from ${least} to ${most}, not ${JSON.stringify(value)}`,
  );
}
