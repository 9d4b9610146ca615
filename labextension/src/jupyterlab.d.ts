declare module "@jupyterlab/codemirror" {
  /** The registry's token, and what it does for us. */
  export const IEditorExtensionRegistry: unknown;
  export interface IEditorExtensionRegistry {
    addExtension(factory: object): void;
  }
}
