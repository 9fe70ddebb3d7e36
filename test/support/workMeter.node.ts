/**
 * Counts the work of a machine: what it reads, hashes, compresses, seals and
 * signs. Work is the same on every machine and every day, time is not.
 *
 * @module
 */
import type { Crypto, Hasher } from "../../crypto/crypto.ts"
import { createNodeCompressor } from "../../src/platform/node/nodeCompressor.ts"
import { createNodeCrypto } from "../../src/platform/node/nodeCrypto.ts"
import { createNodeWorkspace } from "../../src/platform/node/workspace/nodeWorkspace.ts"
import type { Workspace } from "../../src/ports/workspace.ts"
import type { Compressor } from "../../storage/compress.ts"
import { seededRandom } from "./seededRandom.ts"

export interface Work {
  /** Folders listed, files opened to be read, files opened to be written. */
  listed: number
  opened: number
  created: number
  /** Paths that were only looked at, to compare them. */
  compared: number
  /** Bytes through SHA-256, of pieces of at least {@link LONG_BYTES}: contents, packs, shards. Keys take short ones. */
  hashed: number
  compressed: number
  sealed: number
  unsealed: number
  signed: number
  verified: number
}

/** Shorter inputs are derivations of keys and hashes of names. */
const LONG_BYTES = 512

export interface WorkMeter {
  readonly crypto: Crypto
  readonly compressor: Compressor
  openWorkspace(root: string): Workspace
  /** What was done since the last call. */
  take(): Work
}

/** @param seed - Of all that is random: where large files are cut depends on it. */
export function createWorkMeter(seed: number): WorkMeter {
  let work = noWork()
  return {
    crypto: countingCrypto(createNodeCrypto({ randomBytes: seededRandom(seed) }), () => work),
    compressor: countingCompressor(createNodeCompressor(), () => work),
    openWorkspace: (root) => countingWorkspace(createNodeWorkspace(root), () => work),
    take() {
      const done = work
      work = noWork()
      return done
    },
  }
}

function noWork(): Work {
  return {
    listed: 0,
    opened: 0,
    created: 0,
    compared: 0,
    hashed: 0,
    compressed: 0,
    sealed: 0,
    unsealed: 0,
    signed: 0,
    verified: 0,
  }
}

function countingCrypto(crypto: Crypto, work: () => Work): Crypto {
  const hash = (bytes: Uint8Array): void => {
    if (bytes.length >= LONG_BYTES) work().hashed += bytes.length
  }
  return {
    ...crypto,
    sha256(...parts) {
      parts.forEach(hash)
      return crypto.sha256(...parts)
    },
    createSha256(): Hasher {
      const hasher = crypto.createSha256()
      return {
        update(bytes) {
          hash(bytes)
          hasher.update(bytes)
        },
        digest: () => hasher.digest(),
      }
    },
    seal(key, nonce, associatedData, plaintext) {
      work().sealed += plaintext.length
      return crypto.seal(key, nonce, associatedData, plaintext)
    },
    open(key, nonce, associatedData, sealed) {
      work().unsealed += sealed.length
      return crypto.open(key, nonce, associatedData, sealed)
    },
    sign(...message) {
      work().signed++
      return crypto.sign(...message)
    },
    verify(...message) {
      work().verified++
      return crypto.verify(...message)
    },
  }
}

function countingCompressor(compressor: Compressor, work: () => Work): Compressor {
  return {
    ...compressor,
    compress(bytes) {
      work().compressed += bytes.length
      return compressor.compress(bytes)
    },
  }
}

function countingWorkspace(workspace: Workspace, work: () => Work): Workspace {
  return {
    ...workspace,
    list(path) {
      work().listed++
      return workspace.list(path)
    },
    read(path, ...how) {
      work().opened++
      return workspace.read(path, ...how)
    },
    compare(footprint, signal) {
      work().compared += footprint.paths.length
      return workspace.compare(footprint, signal)
    },
    readPieces(path, onPiece) {
      work().opened++
      return workspace.readPieces(path, onPiece)
    },
    readRange(path, offset, into) {
      work().opened++
      return workspace.readRange(path, offset, into)
    },
    create(path, how) {
      work().created++
      return workspace.create(path, how)
    },
    createWhole(path, file) {
      work().created++
      return workspace.createWhole(path, file)
    },
  }
}
