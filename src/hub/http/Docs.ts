/**
 * The HTTP side of a hub as a page to read and to try. It comes with all its script, so that it needs no other server, and
 * a policy that lets it ask no other; its three megabytes are loaded when somebody looks for the first time, and go out
 * packed.
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Scope from "effect/Scope"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { HubApi } from "./Api.ts"

/** What the page may load and do: what it brought along, and to ask this hub. */
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src data:",
  "connect-src 'self'",
  "worker-src blob:",
  "base-uri 'none'",
  "form-action 'none'"
].join("; ")

const headers = {
  "content-security-policy": policy,
  "cache-control": "public, max-age=3600",
  vary: "accept-encoding"
}
const contentType = "text/html; charset=utf-8"

/** No letters from elsewhere, and no row of buttons that send the description away. */
const look = { withDefaultFonts: false, customCss: ".api-reference-toolbar { display: none !important }" }

const zip = promisify(gzip)

/** Answers with the page, for as long as the scope lives. @category constructors */
export const make = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const page = yield* Effect.promise(() => import("effect/http-api/HttpApiScalar")).pipe(
    Effect.flatMap((Scalar) => HttpRouter.toHttpEffect(Scalar.layer(HubApi, { path: "/docs", scalar: look }))),
    Scope.provide(scope),
    Effect.flatten,
    Effect.flatMap((response) =>
      Effect.promise(async () => {
        // As bytes, so that all who are asked to wait for theirs wait for the same ones.
        const plain = new Uint8Array(await HttpServerResponse.toWeb(response).arrayBuffer())
        return { plain, packed: await zip(plain) }
      })
    ),
    Effect.cached
  )
  return Effect.gen(function*() {
    const { packed, plain } = yield* page
    const { headers: { "accept-encoding": accepted = "" } } = yield* HttpServerRequest.HttpServerRequest
    return /\bgzip\b/.test(accepted)
      ? HttpServerResponse.uint8Array(packed, { contentType, headers: { ...headers, "content-encoding": "gzip" } })
      : HttpServerResponse.uint8Array(plain, { contentType, headers })
  })
})
