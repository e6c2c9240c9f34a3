/** Telling a group of frames from all others by their type: what came was decoded at the edge. */

/** A guard for frames of some types. @category constructors */
export const guardFor = <Type extends string>(types: ReadonlyArray<Type>) => {
  const known: ReadonlySet<string> = new Set(types)
  return <Any extends { readonly type: string }>(frame: Any): frame is Extract<Any, { readonly type: Type }> =>
    known.has(frame.type)
}
