export { Status, WalError, type WalErrorCode, type WalErrorDetails } from './errors.js';
export { EventView } from './event-view.js';
export * from './layout.js';
export {
  OrderType,
  RequestEvent,
  type RequestEventFields,
  RequestType,
  Side,
} from './request-event.js';
