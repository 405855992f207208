import type { MaintenanceFailure } from './maintenance-failure.js';
import { hasSubscribers, publish } from './recorder-channels.js';
import { type AnnounceSegment, announceNothing, announceSegments, OrderedNews } from './segment-news.js';
import type { WorkerNews } from './workers.js';

/** Publishes what happens to one recorder; see `RECORDER_CHANNELS`. */
export class RecorderNews {
  /** Of its segments; undefined where nobody wants to hear of them. */
  readonly ofSegments: OrderedNews | undefined;
  /** For what its own thread does with segments. */
  readonly announce: AnnounceSegment = announceNothing;
  readonly #dir: string;
  #hasFailed = false;
  /** What maintenance could not do, and with which segments. */
  readonly #undone = new Set<string>();

  constructor(dir: string) {
    this.#dir = dir;
    if (!hasSubscribers('segment')) return;
    const ordered = new OrderedNews(({ segmentIndex, state, at }) =>
      publish('segment', { dir, segmentIndex, state, at }),
    );
    this.ofSegments = ordered;
    this.announce = announceSegments(ordered.orders, (news) => ordered.add(news));
  }

  opened(lastEventId: bigint): void {
    publish('open', { dir: this.#dir, at: Date.now(), lastEventId });
    this.ofSegments?.open();
  }

  /** Of a thread. */
  told(news: WorkerNews): void {
    if ('order' in news) this.ofSegments?.add(news);
    else this.#maintenanceFailed(news);
  }

  /** The first failure counts. */
  failed(error: Error): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    publish('failure', { dir: this.#dir, at: Date.now(), error });
  }

  /** Its threads have ended. */
  closed(durableEventId: bigint): void {
    this.ofSegments?.end();
    publish('close', { dir: this.#dir, at: Date.now(), durableEventId });
  }

  /** It may be tried again and again, and is told once. */
  #maintenanceFailed(failure: MaintenanceFailure): void {
    const undone = `${failure.work} ${failure.segmentIndex}`;
    if (this.#undone.has(undone)) return;
    this.#undone.add(undone);
    publish('maintenanceFailure', { dir: this.#dir, ...failure });
  }
}
