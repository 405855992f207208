export { asWalError, errnoName, systemError } from './errors.js';
export { loadProvider } from './load-provider.js';
export {
  type DirectoryLock,
  type MappedFile,
  type MmapProvider,
  ProviderName,
  type SharedLibcMapping,
  type SharedMapping,
  type SharedMmapIoMapping,
} from './provider.js';
export { syncDirectory } from './sync-directory.js';
