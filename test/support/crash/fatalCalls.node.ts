/**
 * Makes one call of this process its last. Every call of Node's that changes
 * something on disk, and every piece of a push that goes to git, is an *effect*
 * and is counted; at the chosen one the process sends itself SIGKILL: right after
 * it, or, for a write, in the middle of it. What only reads is no effect: being
 * killed before or after it leaves the same disk.
 *
 * Works below all of our code: `node:fs` and `node:child_process` themselves are
 * exchanged, for everything that imports them.
 *
 * @module
 */
import childProcess, { type ChildProcess } from "node:child_process"
import fs from "node:fs"
import promises, { type FileHandle } from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"

export interface Kill {
  /** Number of the effect, from 1. */
  readonly at: number
  readonly when: "after" | "within"
  /** Whom: this process, or all of its group, git's programs included (the power went). */
  readonly whom: "process" | "group"
}

export interface Effect {
  readonly name: string
  /** Whether it can be cut in the middle. */
  readonly divisible: boolean
}

/** Starts counting. @returns The effects so far, growing. */
export function watchCalls(root: string, kill: Kill | null): readonly Effect[] {
  const effects: Effect[] = []

  function die(): void {
    process.kill(kill?.whom === "group" ? -process.pid : process.pid, "SIGKILL")
  }

  const isNext = (when: Kill["when"]): boolean => kill?.when === when && kill.at === effects.length + 1

  function happened(name: string, divisible = false): void {
    const fatal = isNext("after")
    effects.push({ name: readable(name, root), divisible })
    if (fatal) die()
  }

  /** Exchanges a function of a module for one that knows the old. */
  function exchange<T extends object, K extends keyof T>(module: T, key: K, make: (old: T[K]) => T[K]): void {
    module[key] = make(module[key])
  }

  type AnyFunction = (...args: never[]) => unknown
  /** For calls that do one thing, or throw and do nothing. `there`: whose absence means that nothing is done. */
  function simple<T extends object>(module: T, keys: readonly (keyof T)[], nothingToDo = (_: unknown) => false): void {
    for (const key of keys) {
      exchange(module, key, ((old: AnyFunction) =>
        (...args: unknown[]) => {
          const idle = nothingToDo(args[0])
          const done = (): void => {
            if (!idle) happened(`${String(key)} ${pathsOf(args)}`)
          }
          const result = Reflect.apply(old, module, args) as unknown
          if (result instanceof Promise) {
            return result.then((value: unknown) => {
              done()
              return value
            })
          }
          done()
          return result
        }) as never)
    }
  }

  const isThere = (path: unknown): boolean => fs.lstatSync(path as string, { throwIfNoEntry: false }) !== undefined
  const isGone = (path: unknown): boolean => !isThere(path)

  const once = ["renameSync", "linkSync", "symlinkSync", "unlinkSync", "rmdirSync", "chmodSync", "lutimesSync"] as const
  simple(fs, once)
  for (const key of ["futimesSync", "fchmodSync"] as const) {
    exchange(fs, key, ((old: AnyFunction) =>
      (fd: number, ...args: unknown[]) => {
        Reflect.apply(old, fs, [fd, ...args])
        happened(`${key} ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`)
      }) as never)
  }
  simple(fs, ["mkdirSync"], isThere)
  simple(fs, ["rmSync"], isGone)
  simple(promises, ["rename", "unlink", "rmdir", "appendFile"])
  simple(promises, ["mkdir"], isThere)
  simple(promises, ["rm"], isGone)

  exchange(fs, "openSync", (old) => (path, flags, mode) => {
    const isNew = creates(flags) && isGone(path)
    const fd = old(path, flags, mode)
    if (isNew) happened(`openSync ${String(path)}`)
    return fd
  })
  exchange(fs, "writeSync", ((old: AnyFunction) =>
    (fd: number, bytes: Uint8Array, offset: number, length: number, position?: number) => {
      if (isNext("within")) {
        Reflect.apply(old, fs, [fd, bytes, offset, length >> 1, position])
        die()
      }
      const written = Reflect.apply(old, fs, [fd, bytes, offset, length, position])
      happened(`writeSync ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`, true)
      return written
    }) as never)
  exchange(promises, "writeFile", ((old: AnyFunction) => async (path: string, data: Uint8Array, options: object) => {
    if (isNext("within")) {
      await Reflect.apply(old, promises, [path, data.subarray(0, data.length >> 1), options])
      die()
    }
    await Reflect.apply(old, promises, [path, data, options])
    happened(`writeFile ${path}`, true)
  }) as never)
  exchange(promises, "open", (old) => async (path, flags, mode) => {
    const isNew = creates(flags) && isGone(path)
    const handle = await old(path, flags, mode)
    if (!creates(flags)) return handle
    if (isNew) happened(`open ${String(path)}`)
    watchHandle(handle, String(path))
    return handle
  })

  function watchHandle(handle: FileHandle, path: string): void {
    exchange(handle, "writeFile", (old) => async (data) => {
      const bytes = data as Uint8Array
      if (isNext("within")) {
        await Reflect.apply(old, handle, [bytes.subarray(0, bytes.length >> 1)])
        die()
      }
      await Reflect.apply(old, handle, [bytes])
      happened(`write ${path}`, true)
    })
  }

  exchange(childProcess, "spawn", ((old: AnyFunction) =>
    (program: string, args: readonly string[], options: object) => {
      const child = Reflect.apply(old, childProcess, [program, args, options]) as ChildProcess
      if (args.includes("receive-pack")) watchPush(child)
      return child
    }) as never)

  /** A push is told piece by piece; then git works; then it has answered. */
  function watchPush({ stdin, stdout }: ChildProcess): void {
    if (stdin === null || stdout === null) throw new Error("git's programs are spoken to through pipes")
    const write = stdin.write.bind(stdin) as (piece: Uint8Array, then?: () => void) => boolean
    let pieces = 0
    stdin.write = ((piece: Uint8Array) => {
      // Git does nothing with half a push, however much of it there is: two moments stand for all.
      if (![1, 8].includes(++pieces)) return write(piece)
      if (isNext("within")) {
        write(piece.subarray(0, piece.length >> 1), die)
        return true
      }
      // Whether it has arrived when the call returns is the system's business.
      const isRoom = write(piece)
      happened("push: tells a piece", true)
      return isRoom
    }) as typeof stdin.write
    const end = stdin.end.bind(stdin)
    stdin.end = (() => {
      end()
      happened("push: has told all")
      return stdin
    }) as typeof stdin.end
    stdout.once("end", () => happened("push: is answered"))
  }

  syncBuiltinESMExports()
  return effects
}

function creates(flags: unknown): boolean {
  if (typeof flags === "string") return /[wa]/.test(flags)
  return typeof flags === "number" && (flags & fs.constants.O_CREAT) !== 0
}

function pathsOf(args: readonly unknown[]): string {
  return args.filter((arg) => typeof arg === "string").join(" → ")
}

/** The same from run to run. */
function readable(name: string, root: string): string {
  return name
    .replaceAll(/\/proc\/self\/fd\/(\d+)/g, (whole) => {
      try {
        return fs.readlinkSync(whole)
      } catch {
        return whole
      }
    })
    .replaceAll(join(root, "/"), "")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|[a-z2-7]{26,52}/g, (id) => `${id.slice(0, 4)}…`)
    .replaceAll(/\.\d+\.\d+\.\d+\.tmp/g, ".tmp")
    .replaceAll(/\d{8}T\d{6}Z-\d+/g, "<batch>")
}
