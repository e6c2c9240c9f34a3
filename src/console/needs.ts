/** What a peer needs from its browser, checked before anything else so that the page can say what is missing. */

/** What is missing and what to do about it, or `undefined`. @category predicates */
export const missing = (): string | undefined => {
  if (!globalThis.isSecureContext || globalThis.crypto?.subtle === undefined) {
    return `Your browser gives keys only to pages from https:// or from this machine, and this page came from ${location.origin}. `
      + `Open it as http://localhost:${location.port || 80} on the hub's own machine, or put the hub behind https://.`
  }
  if (typeof globalThis.RTCPeerConnection !== "function") {
    return "WebRTC is switched off in this browser, so peers cannot be linked. Allow it for this page, or use another browser."
  }
  return undefined
}
