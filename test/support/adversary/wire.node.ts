/**
 * A man in the middle between machines and a real Git host: one door for each
 * machine, at each a rule that may send the request elsewhere, hold the answer
 * back, change its bytes, or give one of before. Without a rule it is glass.
 *
 * @module
 */
import { createServer, type IncomingMessage, request as ask, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { GitServer } from "../gitServer.node.ts"

/** A request as the machine made it, less its door. */
export interface Asked {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly body: Buffer
  /** Counted from 0 since the rule was set. */
  readonly index: number
}

export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: Buffer
}

/** @param pass - Asks the real host, at the same path unless told otherwise. */
export type Rule = (asked: Asked, pass: (path?: string) => Promise<Answer>) => Promise<Answer>

export interface Wire {
  /** The vault's URL for this machine. */
  door(machine: string): string
  /** null: glass again. */
  rule(machine: string, rule: Rule | null): void
  close(): Promise<void>
}

export async function startWire(host: GitServer): Promise<Wire> {
  const rules = new Map<string, { readonly rule: Rule; asked: number }>()
  const server = createServer((request, response) => {
    serve(host, rules, request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    door: (machine) => `${origin}/${machine}/vault.git`,
    rule(machine, rule) {
      if (rule === null) rules.delete(machine)
      else rules.set(machine, { rule, asked: 0 })
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function serve(
  host: GitServer,
  rules: ReadonlyMap<string, { readonly rule: Rule; asked: number }>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, machine = "", path = ""] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? "") ?? []
  const body = await bodyOf(request)
  const pass = (to: string = path): Promise<Answer> => passOn(host, request, to, body)
  const ruled = rules.get(machine)
  const asked = { method: request.method ?? "", path, body, index: ruled === undefined ? 0 : ruled.asked++ }
  const answer = ruled === undefined ? await pass() : await ruled.rule(asked, pass)
  const { "content-length": _, "transfer-encoding": __, ...headers } = answer.headers
  response.writeHead(answer.status, headers)
  response.end(answer.body)
}

function passOn(host: GitServer, { method, headers }: IncomingMessage, path: string, body: Buffer): Promise<Answer> {
  const { "transfer-encoding": _, host: __, connection: ___, ...kept } = headers
  const length = body.length > 0 || method === "POST" ? { "content-length": body.length } : {}
  return new Promise((resolve, reject) => {
    const outgoing = ask(host.origin + path, { method, headers: { ...kept, ...length } }, (incoming) => {
      bodyOf(incoming).then(
        (bytes) => resolve({ status: incoming.statusCode ?? 502, headers: incoming.headers, body: bytes }),
        reject,
      )
    })
    outgoing.on("error", reject)
    outgoing.end(body)
  })
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

/** Whether a request asks which heads there are. */
export function asksForHeads({ path, body }: Pick<Asked, "path" | "body">): boolean {
  return path.endsWith("/git-upload-pack") && body.includes("command=ls-refs")
}

export function pushes({ path }: Pick<Asked, "path">): boolean {
  return path.endsWith("/git-receive-pack")
}

/** Answers one kind of request as it was first answered, whatever is true by now. */
export function replaying(which: (asked: Asked) => boolean, first: Answer): Rule {
  return async (asked, pass) => (which(asked) ? first : pass())
}

/** Takes every request to another repository of the same host. */
export function elsewhere(repository: string): Rule {
  return ({ path }, pass) => pass(path.replace("/vault.git", `/${repository}`))
}

/** Changes the bytes of the n-th answer, and of no other. */
export function changing(index: number, change: (body: Buffer) => Buffer): Rule {
  return async (asked, pass) => {
    const answer = await pass()
    return asked.index === index ? { ...answer, body: change(answer.body) } : answer
  }
}
