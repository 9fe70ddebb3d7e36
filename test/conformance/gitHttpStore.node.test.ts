import { createGitCredentials } from "../../storage/remote/node/gitCredentials.ts"
import { gitHttpFixture } from "../support/gitHttpFixture.node.ts"
import { storeSuite } from "./store.ts"

storeSuite("Git over HTTP, with a password", () =>
  gitHttpFixture(
    { credential: { username: "x-access-token", password: "s3cret" } },
    createGitCredentials({ env: { ...process.env, SESSYN_TOKEN: "s3cret" } }),
  ),
)
