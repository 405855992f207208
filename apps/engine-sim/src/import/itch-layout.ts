/*
 * Nasdaq TotalView-ITCH 5.0: a message is a type, a stock locate, a tracking number, nanoseconds after midnight, and
 * what its type has. Integers are unsigned and big-endian, text is padded with spaces on the right, a price has four
 * decimals. In a file each message has two bytes before it, its length.
 *
 *     0 type | 1 stock locate u16 | 3 tracking number u16 | 5 timestamp u48 | 11 ...
 */
export const LENGTH_BYTES = 2;
export const ItchOffset = { locate: 1, timestamp: 5 } as const;
/** Stock directory. */
export const DirectoryOffset = { stock: 11 } as const;
export const STOCK_BYTES = 8;
/** Add order, without and with attribution. */
export const AddOffset = { reference: 11, side: 19, shares: 20, stock: 24, price: 32 } as const;
/** Order executed, without and with price; order cancel; order delete, which has no shares. */
export const ChangeOffset = { reference: 11, shares: 19 } as const;
export const ReplaceOffset = { reference: 11, newReference: 19, shares: 27, price: 31 } as const;

export interface ItchType {
  readonly name: string;
  readonly bytes: number;
  /** Whether requests are made of it. */
  readonly isOrder?: boolean;
}

/** All types of messages, by their letter. */
export const ITCH_TYPES: ReadonlyMap<string, ItchType> = new Map<string, ItchType>([
  ['S', { name: 'system event', bytes: 12 }],
  ['R', { name: 'stock directory', bytes: 39 }],
  ['H', { name: 'stock trading action', bytes: 25 }],
  ['Y', { name: 'Reg SHO restriction', bytes: 20 }],
  ['L', { name: 'market participant position', bytes: 26 }],
  ['V', { name: 'MWCB decline level', bytes: 35 }],
  ['W', { name: 'MWCB status', bytes: 12 }],
  ['K', { name: 'IPO quoting period update', bytes: 28 }],
  ['J', { name: 'LULD auction collar', bytes: 35 }],
  ['h', { name: 'operational halt', bytes: 21 }],
  ['A', { name: 'add order', bytes: 36, isOrder: true }],
  ['F', { name: 'add order with attribution', bytes: 40, isOrder: true }],
  ['E', { name: 'order executed', bytes: 31, isOrder: true }],
  ['C', { name: 'order executed with price', bytes: 36, isOrder: true }],
  ['X', { name: 'order cancel', bytes: 23, isOrder: true }],
  ['D', { name: 'order delete', bytes: 19, isOrder: true }],
  ['U', { name: 'order replace', bytes: 35, isOrder: true }],
  ['P', { name: 'trade (hidden order)', bytes: 44 }],
  ['Q', { name: 'cross trade', bytes: 40 }],
  ['B', { name: 'broken trade', bytes: 19 }],
  ['I', { name: 'net order imbalance', bytes: 50 }],
  ['N', { name: 'retail price improvement', bytes: 20 }],
  ['O', { name: 'direct listing price discovery', bytes: 48 }],
]);
