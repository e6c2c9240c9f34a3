/** For whom a message or a record is. @category models */
export interface Audience {
  /**
   * `here`: the network that the mesh is in, which is `global` while it has fallen back. `home`: the home network alone;
   * refused while away. Default: `here`.
   */
  readonly audience?: "here" | "home"
}
