/* What a recovery publishes on `node:diagnostics_channel`, in the thread that has opened it. */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { WalError, WalErrorCode } from '@fswal/format';

/** Names of the channels. */
export const RECOVERY_CHANNELS = {
  open: 'fswal:recovery:open',
  close: 'fswal:recovery:close',
  segment: 'fswal:recovery:segment',
  damage: 'fswal:recovery:damage',
  failure: 'fswal:recovery:failure',
} as const;

interface RecoveryMessage {
  /** The log's directory, as it was given. */
  readonly dir: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** On `open`: the log is being read. */
export interface RecoveryOpenMessage extends RecoveryMessage {
  readonly fromEventId: bigint;
}

/** On `close`. */
export interface RecoveryCloseMessage extends RecoveryMessage {
  /** Events delivered. */
  readonly events: number;
}

/** On `segment`: the replay has come to events of this one. */
export interface RecoverySegmentMessage extends RecoveryMessage {
  readonly segmentIndex: number;
}

/**
 * On `damage`: the replay has come to it. `corruption` has ended it; a `torn tail` was cut, as after any loss of power; a
 * `gap` was passed over, in diagnostic mode: these are told, all of them, when the replay has come to its end.
 */
export interface RecoveryDamageMessage extends RecoveryMessage {
  readonly kind: 'corruption' | 'torn tail' | 'gap';
  readonly file: string | undefined;
  readonly offset: number | undefined;
  /** The status of verification. */
  readonly reason: string;
  readonly message: string;
}

/** On `failure`: the log could not be opened, or not read on, and not because it is damaged. */
export interface RecoveryFailureMessage extends RecoveryMessage {
  readonly error: Error;
}

interface MessageOf {
  open: RecoveryOpenMessage;
  close: RecoveryCloseMessage;
  segment: RecoverySegmentMessage;
  damage: RecoveryDamageMessage;
  failure: RecoveryFailureMessage;
}

const CHANNELS: { readonly [Name in keyof MessageOf]: Channel } = {
  open: channel(RECOVERY_CHANNELS.open),
  close: channel(RECOVERY_CHANNELS.close),
  segment: channel(RECOVERY_CHANNELS.segment),
  damage: channel(RECOVERY_CHANNELS.damage),
  failure: channel(RECOVERY_CHANNELS.failure),
};

/** What says that bytes which were written are not there as they were. */
const DAMAGE: ReadonlySet<WalErrorCode> = new Set<WalErrorCode>([
  'HEADER_CHECKSUM_MISMATCH',
  'BLOCK_CHECKSUM_MISMATCH',
  'CHAINED_CHECKSUM_MISMATCH',
  'SEGMENT_CORRUPTED',
  'SEGMENT_POSSIBLY_CORRUPTED',
  'SEGMENT_GAP',
  'EVENT_OUT_OF_ORDER',
  'DURABLE_LOST',
]);

/** Publishes what happens to one recovery; costs nothing where nobody has subscribed. */
export class RecoveryNews {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  opened(fromEventId: bigint): void {
    this.#publish('open', { fromEventId });
  }

  closed(events: number): void {
    this.#publish('close', { events });
  }

  segment(segmentIndex: number): void {
    this.#publish('segment', { segmentIndex });
  }

  damage(
    kind: RecoveryDamageMessage['kind'],
    found: Omit<RecoveryDamageMessage, 'dir' | 'at' | 'kind'>,
  ): void {
    const { file, offset, reason, message } = found;
    this.#publish('damage', { kind, file, offset, reason, message });
  }

  /** Damage, or a failure. */
  failed(error: WalError | Error): void {
    const { code, file, offset } = error as WalError;
    if (DAMAGE.has(code)) this.damage('corruption', { file, offset, reason: code, message: error.message });
    else this.#publish('failure', { error });
  }

  #publish<Name extends keyof MessageOf>(name: Name, message: Omit<MessageOf[Name], 'dir' | 'at'>): void {
    if (CHANNELS[name].hasSubscribers) CHANNELS[name].publish({ dir: this.#dir, at: Date.now(), ...message });
  }
}
