/**
 * What lies at one path, as far as syncing cares: the currency of scan, plan
 * and apply. An `IndexEntry` of the vault is such a node, too.
 *
 * @module
 */
export interface FileNode {
  readonly type: "file"
  readonly mode: number
  readonly size: number
  /** SHA-256 of the content, 32 bytes. */
  readonly hash: Uint8Array
}

export interface LinkNode {
  readonly type: "link"
  readonly mode: number
  readonly target: string
}

export interface FolderNode {
  readonly type: "folder"
  readonly mode: number
}

export type TreeNode = FileNode | LinkNode | FolderNode
