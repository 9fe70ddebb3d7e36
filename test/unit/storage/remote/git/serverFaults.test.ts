import { describe, expect, it } from "vitest"
import { utf8 } from "../../../../../crypto/bytes.ts"
import { faultOfMessage, plainText, refusalOfReason } from "../../../../../storage/remote/git/serverFaults.ts"

describe("what servers say", () => {
  it.each([
    ["upload-pack: not our ref 0123", "STORE_OBJECT_MISSING"],
    ["fatal: bad object 0123", "STORE_OBJECT_MISSING"],
    ["fatal: write error: No space left on device", "STORE_FULL"],
    ["fatal: pack exceeds maximum allowed size", "STORE_FULL"],
    ["fatal: '/x' does not appear to be a git repository", "STORE_NOT_FOUND"],
    ["fatal: detected dubious ownership in repository", "STORE_FORBIDDEN"],
    ["error: insufficient permission for adding an object", "STORE_FORBIDDEN"],
    ["something else", "STORE_FAILED"],
  ])("%s is %s", (message, code) => {
    expect(faultOfMessage(message).code).toBe(code)
  })

  it.each([
    ["failed to update ref", "moved"],
    ["non-fast-forward", "rewritten"],
    ["fetch first", "moved"],
    ["cannot lock ref 'refs/heads/x': is at a but expected b", "moved"],
    ["reference already exists", "moved"],
    ["failed to lock", "moved"],
    ["missing necessary objects", "incomplete"],
    ["pre-receive hook declined", "fault"],
    ["protected branch hook declined", "fault"],
    ["deletion prohibited", "fault"],
    ["unpacker error", "fault"],
  ])("ng %s is %s", (reason, kind) => {
    expect(refusalOfReason(reason, "").kind).toBe(kind)
  })

  it("takes a full disk for what it is, whatever the reason given", () => {
    const refusal = refusalOfReason("failed to update ref", "error: unable to write: No space left on device")
    expect(refusal).toMatchObject({ kind: "fault", error: { code: "STORE_FULL" } })
  })

  it("is cleaned for a terminal", () => {
    const said = plainText(utf8("a\u001b[31mb\r\nc\u0000d\u009be\u202ef"))
    expect(said).toBe("a [31mb c d e f")
    expect(plainText(utf8("x".repeat(9_000)))).toHaveLength(200)
  })
})
