import { storeSuite } from "../conformance/store.ts"
import { gitHttpFixture } from "../support/gitHttpFixture.node.ts"

storeSuite("Git over HTTP, open to all", () => gitHttpFixture({}))

storeSuite("Git over HTTP, without filters", () => gitHttpFixture({ config: ["uploadpack.allowFilter=false"] }))

storeSuite("Git over HTTP, protocol 1", () => gitHttpFixture({ protocol: 1 }))

storeSuite("Git over HTTP, protocol 0, only heads", () =>
  gitHttpFixture({
    protocol: 0,
    config: ["uploadpack.allowFilter=false", "uploadpack.allowAnySHA1InWant=false"],
  }),
)
