export { type BlockHeader, decodeBlockHeader, sealBlock } from './block-header.js';
export { bytesInUse, isZero } from './bytes.js';
export { checksum, headerChecksum } from './checksum.js';
export { DECISIONS, type Decision, decide, type Evidence, type Place } from './decision-table.js';
export { isDamage, Status, WalError, type WalErrorCode, type WalErrorDetails } from './errors.js';
export { asWords, countGrowing, findId, idAt, idIsGreater } from './event-ids.js';
export { EventView } from './event-view.js';
export {
  BROKEN_SUFFIX,
  compressedSegmentFileName,
  META_FILE,
  META_TEMP_FILE,
  parseSegmentFileName,
  type SegmentFile,
  segmentFileName,
  TAIL_RING_FILE,
  TAIL_RING_PLACE_FILE,
} from './file-names.js';
export {
  BLOCK_BYTES,
  BLOCK_EVENTS,
  BLOCK_HEADER_BYTES,
  BLOCK_HEADER_WORDS,
  BLOCK_WORDS,
  BlockHeaderOffset,
  blockOffset,
  EVENT_BYTES,
  EVENT_ID_OFFSET,
  EVENT_WORDS,
  eventOffset,
  FORMAT_VERSIONS,
  type FormatVersion,
  MAX_BLOCKS_PER_SEGMENT,
  MAX_SEGMENT_INDEX,
  MAX_TAIL_BLOCKS,
  META_BYTES,
  META_V1_BYTES,
  MetaOffset,
  MIN_BLOCKS_PER_SEGMENT,
  MIN_TAIL_BLOCKS,
  RequestEventOffset,
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
  SegmentHeaderOffset,
  segmentBytes,
  TAIL_RING_HEADER_BYTES,
  TAIL_RING_MAGIC,
  TAIL_RING_VERSION,
  TailRingOffset,
  WORD_BYTES,
} from './layout.js';
export {
  durableSegmentMissing,
  isAnchor,
  isDurableIn,
  LogScan,
  type SegmentVerdict,
  withoutRetired,
} from './log-scan.js';
export { type DurablePosition, decodeMeta, encodeMeta } from './meta.js';
export {
  OrderType,
  RequestEvent,
  type RequestEventFields,
  RequestType,
  Side,
} from './request-event.js';
export { type SegmentForm, segmentForms } from './segment-forms.js';
export { decodeSegmentHeader, encodeSegmentHeader, type SegmentHeader } from './segment-header.js';
export {
  type BlockFault,
  blockFault,
  countSoundBlocks,
  isChained,
  notChained,
  soundBlock,
} from './sound-block.js';
export {
  decodeTailRingHeader,
  encodeTailRingHeader,
  readTailRing,
  type SegmentsEnd,
  type TailRingContent,
  type TailRingHeader,
  type TailRingRun,
  tailRingBytes,
  tailRingEventWord,
} from './tail-ring.js';
export {
  type FailureCounters,
  VALIDATION_FAILURE_METRICS,
  ValidationFailures,
} from './validation-failures.js';
export { verifyLink } from './verify-link.js';
export {
  type DamagePlace,
  isWhole,
  type PreviousSegment,
  type SegmentState,
  type SegmentVerification,
  type VerifyOptions,
  verifySegment,
} from './verify-segment.js';
