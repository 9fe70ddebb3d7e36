import { describe, expect, it } from "vitest"
import { storeErrorOfStatus } from "../../../../storage/remote/httpStatus.ts"

const NOW = Date.parse("2030-01-01T00:00:00Z")

function of(status: number, headers: Record<string, string> = {}, text = "") {
  return storeErrorOfStatus({ status, header: (name) => headers[name], text }, NOW)
}

describe("storeErrorOfStatus", () => {
  it.each([
    ["5", 5_000],
    [" 5 ", 5_000],
    ["0", 0],
    ["Tue, 01 Jan 2030 00:00:30 GMT", 30_000],
    ["Mon, 31 Dec 2029 00:00:00 GMT", 0],
    ["99999999", 3_600_000],
    ["soon", undefined],
  ])("reads Retry-After: %s", (value, expected) => {
    expect(of(429, { "retry-after": value }).retryAfterMs).toBe(expected)
  })

  it("reads GitHub's reset time when the budget is used up, and only then", () => {
    const reset = { "x-ratelimit-reset": `${NOW / 1000 + 90}` }
    expect(of(403, { ...reset, "x-ratelimit-remaining": "0" })).toMatchObject({
      code: "STORE_RATE_LIMITED",
      retryAfterMs: 90_000,
    })
    expect(of(403, { ...reset, "x-ratelimit-remaining": "12" })).toMatchObject({
      code: "STORE_FORBIDDEN",
      retryAfterMs: undefined,
    })
  })

  it("tells a rate limit from a prohibition", () => {
    expect(of(403, {}, "API rate limit exceeded").code).toBe("STORE_RATE_LIMITED")
    expect(of(403, {}, "Resource not accessible").code).toBe("STORE_FORBIDDEN")
  })

  it("calls transient what may pass", () => {
    const transient = [408, 409, 425, 429, 500, 502, 503, 504, 599]
    const final = [400, 401, 403, 404, 405, 410, 413, 415, 418, 422, 501, 505, 507]
    expect(transient.filter((status) => !of(status).transient)).toEqual([])
    expect(final.filter((status) => of(status).transient)).toEqual([])
  })

  it("does not repeat the body", () => {
    expect(of(500, {}, "token=hunter2").message).not.toContain("hunter2")
  })
})
