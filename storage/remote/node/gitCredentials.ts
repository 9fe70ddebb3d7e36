/**
 * Where the credential for a Git host comes from: the environment, else git's
 * own credential helpers. Kept in memory only; never on a command line, never
 * on disk by us.
 *
 * @module
 */
import { spawn } from "node:child_process"
import { fromUtf8, utf8 } from "../../../crypto/bytes.ts"
import { Secret } from "../../../crypto/secret.ts"
import { gitEnvironment } from "./gitEnvironment.ts"

export interface Credential {
  readonly username: string
  readonly password: Secret
}

export interface CredentialSource {
  /** A credential for the repository at `url`; `undefined` if there is none. After a {@link reject}, another one. */
  find(url: URL): Promise<Credential | undefined>
  /** The host took it: helpers may keep it. Best effort. */
  approve(url: URL, credential: Credential): Promise<void>
  /** The host refused it: helpers should forget it. Best effort. */
  reject(url: URL, credential: Credential): Promise<void>
}

/** Hosts take a token as the password of any user; this name is the one that GitHub documents. */
const TOKEN_USER = "x-access-token"
const MAX_ANSWER_BYTES = 64 * 1024

/** @param env - `SESSYN_TOKEN`, for github.com also `GITHUB_TOKEN`; and what git and its helpers need. */
export function createGitCredentials({ env }: { readonly env: NodeJS.ProcessEnv }): CredentialSource {
  const fromHelper = new WeakSet<Credential>()
  const refused = new Set<string>()

  const fromEnvironment = (url: URL): Credential | undefined => {
    const names = url.hostname === "github.com" ? ["SESSYN_TOKEN", "GITHUB_TOKEN"] : ["SESSYN_TOKEN"]
    const name = names.find(
      (each) => env[each] !== undefined && env[each] !== "" && !refused.has(`${each} ${url.host}`),
    )
    return name === undefined ? undefined : { username: TOKEN_USER, password: new Secret(utf8(env[name] as string)) }
  }

  const tell = async (verb: "approve" | "reject", url: URL, credential: Credential): Promise<void> => {
    if (!fromHelper.has(credential)) return
    const secret = [`username=${credential.username}`, `password=${fromUtf8(credential.password.expose())}`]
    await askGit(env, verb, [...describe(url), ...secret]).catch(() => {})
  }

  return {
    async find(url) {
      const token = fromEnvironment(url)
      if (token !== undefined) return token
      const answer = await askGit(env, "fill", describe(url)).catch(() => undefined)
      const username = answer?.get("username")
      const password = answer?.get("password")
      if (username === undefined || password === undefined) return undefined
      const credential = { username, password: new Secret(utf8(password)) }
      fromHelper.add(credential)
      return credential
    },

    approve: (url, credential) => tell("approve", url, credential),

    async reject(url, credential) {
      for (const name of ["SESSYN_TOKEN", "GITHUB_TOKEN"]) {
        if (env[name] === fromUtf8(credential.password.expose())) refused.add(`${name} ${url.host}`)
      }
      await tell("reject", url, credential)
    },
  }
}

/** The URL in the terms of gitcredentials(7). A line break would start another attribute; a URL has none. */
function describe(url: URL): string[] {
  return [`protocol=${url.protocol.slice(0, -1)}`, `host=${url.host}`, `path=${url.pathname.slice(1)}`]
}

/** Runs `git credential`, which asks on no terminal; what it answers, by attribute. */
function askGit(
  env: NodeJS.ProcessEnv,
  verb: "fill" | "approve" | "reject",
  lines: readonly string[],
): Promise<Map<string, string>> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["credential", verb], {
      env: gitEnvironment(env, { GIT_TERMINAL_PROMPT: "0" }),
      stdio: ["pipe", "pipe", "ignore"],
      windowsHide: true,
    })
    let answer = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (answer.length < MAX_ANSWER_BYTES) answer += text
    })
    child.on("error", reject)
    child.stdin.on("error", () => {})
    child.stdin.end(`${lines.join("\n")}\n\n`)
    child.once("close", (status) => {
      if (status !== 0) reject(new Error(`git credential ${verb} failed`))
      else resolve(new Map(answer.split("\n").map((line) => split(line))))
    })
  })
}

function split(line: string): [string, string] {
  const at = line.indexOf("=")
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)]
}
