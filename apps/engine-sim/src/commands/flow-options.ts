import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type ArrivalsProfile,
  type FlowProfile,
  type MixProfile,
  readFlowProfile,
} from '../flow/flow-profile.js';
import type { FlowSpec } from '../flow/flow-spec.js';
import { FlowProfileError } from '../flow/profile-rules.js';
import type { Pace } from '../log/paced-flow.js';
import { parseInstruments, parseRate, parseUsers } from './options.js';

const ARRIVALS = ['max', 'fixed', 'poisson', 'hawkes'] as const satisfies readonly ArrivalsProfile['kind'][];
const MIX = ['new', 'price', 'quantity', 'cancel'] as const satisfies readonly (keyof MixProfile)[];

/** What a command line says of a synthetic flow besides its seed. */
export interface ProfileOptions {
  /** Path of a JSON file; what the other options say goes before it. */
  readonly profile?: string;
  readonly arrivals?: ArrivalsProfile['kind'];
  /** Requests per second: of the arrivals, where they have a rate, else at most. */
  readonly rate?: number;
  readonly mix?: MixProfile;
  readonly instruments?: number;
  readonly users?: number;
}

/** The same for a command that also plays a flow file. */
export interface PlayOptions extends ProfileOptions {
  readonly seed: number;
  readonly flowIn?: string;
  readonly pace?: 'recorded';
  readonly speed?: number;
}

const PROFILE_NAMES = ['profile', 'arrivals', 'mix', 'instruments', 'users'] as const;

export function addProfileOptions(command: Command): Command {
  return command
    .option('--profile <file>', 'JSON that says what the order flow is like')
    .addOption(new Option('--arrivals <kind>', 'when requests come (default: max)').choices(ARRIVALS))
    .option('--mix <weights>', 'of the request types, such as new=4,price=1,quantity=1,cancel=3', parseMix)
    .option('--instruments <n>', 'how many', parseInstruments)
    .option('--users <n>', 'how many', parseUsers);
}

/** In place of profile options, in a command that has those as well. */
export function addFlowInOption(command: Command): Command {
  const option = new Option('--flow-in <file>', 'play this flow file, not a synthetic flow');
  return command.addOption(option.conflicts(['seed', ...PROFILE_NAMES]));
}

export function addPaceOptions(command: Command): Command {
  return command
    .option('--rate <n>', 'requests per second; without it, as fast as it goes', parseRate)
    .addOption(
      new Option('--pace <pace>', "as the flow's own timestamps say").choices(['recorded']).conflicts('rate'),
    )
    .option('--speed <n>', 'so many times as fast as recorded (default: 1)', parseRate);
}

export function hasProfileOptions(options: ProfileOptions): boolean {
  return PROFILE_NAMES.some((name) => options[name] !== undefined);
}

/** @throws FlowProfileError, and Error where its file cannot be read */
export function specOf(options: ProfileOptions & { seed: number; flowIn?: string }): FlowSpec {
  if (options.flowIn !== undefined) return { file: options.flowIn };
  return { seed: options.seed, profile: profileOf(options) };
}

/** A rate is that of the arrivals, which are then played in real time, or, where those have none, the most. */
export function paceOf(options: Omit<PlayOptions, 'seed'>, spec: FlowSpec): Pace {
  const { rate, pace, speed } = options;
  if (speed !== undefined && pace === undefined) throw new Error('--speed is for --pace recorded alone');
  if (pace === 'recorded') return { speed: speed ?? 1 };
  if (rate === undefined) return {};
  return 'file' in spec || spec.profile.arrivals.kind === 'max' ? { rate } : { speed: 1 };
}

function profileOf({ profile, arrivals, rate, mix, instruments, users }: ProfileOptions): FlowProfile {
  const base = profile === undefined ? readFlowProfile({}) : readProfileFile(profile);
  const process = arrivals === undefined ? base.arrivals : { kind: arrivals };
  return readFlowProfile({
    ...base,
    arrivals: process.kind === 'max' || rate === undefined ? process : { ...process, rate },
    mix: mix ?? base.mix,
    instruments: { ...base.instruments, ...(instruments === undefined ? {} : { count: instruments }) },
    users: users ?? base.users,
  });
}

function readProfileFile(path: string): FlowProfile {
  try {
    return readFlowProfile(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof FlowProfileError) {
      throw new FlowProfileError(`${path}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** `new=4,price=1,quantity=1,cancel=3`; what is left out is 0. */
export function parseMix(text: string): MixProfile {
  const mix = { new: 0, price: 0, quantity: 0, cancel: 0 };
  for (const part of text.split(',')) {
    const [name, weight, ...more] = part.split('=');
    const isKnown = (MIX as readonly string[]).includes(name);
    if (!isKnown || more.length > 0 || !/^\d+(\.\d+)?$/.test(weight ?? '')) {
      throw new InvalidArgumentError(
        `It must be like new=4,price=1,quantity=1,cancel=3, and ${part} is not.`,
      );
    }
    mix[name as keyof MixProfile] = Number(weight);
  }
  return mix;
}
