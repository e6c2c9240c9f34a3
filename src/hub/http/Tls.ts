/** A hub's certificate: two files that somebody renews while the hub runs. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import { createSecureContext } from "node:tls"
import type { HubSettings } from "../Options.ts"

/** The certificate cannot be used. @category errors */
export class CertificateUnusable extends Schema.TaggedError<CertificateUnusable>()("CertificateUnusable", {
  cert: Schema.String,
  key: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The hub cannot use the certificate ${this.cert} (TLS_CERT) with the key ${this.key} (TLS_KEY): ${this.problem}. Expected two readable files in PEM that belong together, the key without a passphrase`
  }
}

/** A certificate and its key, in PEM. @category models */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** How often the files are read again: certificates are renewed weeks before they expire. @category constants */
export const renewal = Duration.hours(1)

/**
 * Reads the certificate that the options name, and sees that the key fits; `undefined` when they name none.
 *
 * @category constructors
 */
export const load = (
  { tlsCert, tlsKey }: Pick<HubSettings, "tlsCert" | "tlsKey">
): Effect.Effect<Certificate | undefined, CertificateUnusable> =>
  tlsCert === undefined || tlsKey === undefined ? Effect.undefined : Effect.tryPromise({
    try: async () => {
      const [cert, key] = await Promise.all([readFile(tlsCert, "utf8"), readFile(tlsKey, "utf8")])
      // OpenSSL takes an empty file for none, and a hub without a certificate shakes no hands.
      if (cert.trim() === "" || key.trim() === "") throw new Error("a file is empty")
      createSecureContext({ cert, key })
      return { cert, key }
    },
    catch: (error) =>
      new CertificateUnusable({
        cert: tlsCert,
        key: tlsKey,
        problem: error instanceof Error ? error.message : String(error)
      })
  })

/** Says so if a certificate is no longer valid: whoever renews them may have failed for weeks. @category combinators */
export const reportExpiry = Effect.fnUntraced(function*(
  { tlsCert }: Pick<HubSettings, "tlsCert">,
  { cert }: Certificate
) {
  const { validTo } = new X509Certificate(cert)
  if ((yield* Clock.currentTimeMillis) < Date.parse(validTo)) return
  yield* Effect.logWarning(`The certificate ${tlsCert} (TLS_CERT) expired on ${validTo}: browsers do not connect`)
})
