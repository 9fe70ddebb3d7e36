/**
 * Finds the programs to measure against, or installs Debian's packages of them
 * where that is allowed; what is not to be had is said, and the rest goes on.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"

/** One program, and how it is had. */
interface Wanted {
  readonly package: string
  /** All must be there. */
  readonly programs: readonly string[]
  /** Prints its version. */
  readonly version: readonly [string, ...string[]]
}

export type Wish = "git" | "restic" | "gcrypt"

const WANTED: Readonly<Record<Wish, Wanted>> = {
  git: { package: "git", programs: ["git"], version: ["git", "--version"] },
  restic: { package: "restic", programs: ["restic"], version: ["restic", "version"] },
  gcrypt: {
    package: "git-remote-gcrypt",
    programs: ["git-remote-gcrypt", "gpg"],
    // It does not tell its version itself.
    version: ["dpkg-query", "--show", "--showformat=$" + "{Version}", "git-remote-gcrypt"],
  },
}

/** The version of each program; null if it is missing. */
export function findPeers(say: (what: string) => void): Readonly<Record<Wish, string | null>> {
  const find = (wish: Wish): string | null => {
    const wanted = WANTED[wish]
    if (!isThere(wanted) && mayInstall()) {
      say(`installing ${wanted.package}`)
      install(wanted.package, say)
    }
    if (isThere(wanted)) return versionOf(wanted)
    say(`${wanted.package} is missing: the comparisons with it are left out`)
    return null
  }
  return { git: find("git"), restic: find("restic"), gcrypt: find("gcrypt") }
}

function isThere({ programs }: Wanted): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter)
  return programs.every((program) => folders.some((folder) => existsSync(join(folder, program))))
}

function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")
}

function install(name: string, say: (what: string) => void): void {
  const options = { stdio: "pipe", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const
  try {
    execFileSync("apt-get", ["update", "-qq"], options)
    execFileSync("apt-get", ["install", "-qq", "-y", "--no-install-recommends", name], options)
  } catch (error) {
    say((error as Error).message)
  }
}

function versionOf({ version: [program, ...args] }: Wanted): string {
  try {
    const said = execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    return /\d+\.\d+\S*/.exec(said)?.[0] ?? "unknown"
  } catch {
    return "unknown"
  }
}
