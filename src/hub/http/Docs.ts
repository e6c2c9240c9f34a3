/**
 * The HTTP side of a hub as a page to read and to try. It comes with all its script, so that it needs no other server; its
 * three megabytes are loaded when somebody looks for the first time.
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Scope from "effect/Scope"
import { HubApi } from "./Api.ts"

/** Answers with the page, for as long as the scope lives. @category constructors */
export const make = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const page = Effect.promise(() => import("effect/http-api/HttpApiScalar")).pipe(
    Effect.flatMap((Scalar) => HttpRouter.toHttpEffect(Scalar.layer(HubApi, { path: "/docs" }))),
    Scope.provide(scope)
  )
  return Effect.flatten(yield* Effect.cached(page))
})
