/** The types of the Promise API, which are the same on every platform. */
export type { ClientOptions, MeshClient, MeshListeners } from "./MeshClient.ts"
export type { MeshStore } from "./MeshStore.ts"
export type {
  ClientFileOffer,
  ClientStream,
  ClientStreamRequest,
  FileInput,
  FileOptions,
  FilePlace
} from "./Transfers.ts"
