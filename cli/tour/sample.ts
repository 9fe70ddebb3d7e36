/**
 * A sample workspace that holds what a real one does.
 *
 * @module
 */
import { generateKeyPairSync, randomBytes } from "node:crypto"
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** Words that stand in the sample's files, and must stand nowhere on the Git host. */
export const CANARIES = ["postgres://shop:opensesame", "quarterly-figures", "BEGIN PRIVATE KEY", "naïve-café"]

/** Self-signed, for localhost; the key it was made with is gone. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUChc28sdIXrAwiy0qp4b0bHt3YK4wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyMjE3NDgzNVoXDTM2MTExOTE3
NDgzNVowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEktzNrai+YdkMX25KStj+UEtDn2MkpQeYdGFDWXwqVf17+QfoImjsc+lw
FmLa8nQrj42zE382HWwx9Br4P7GK4KNTMFEwHQYDVR0OBBYEFN9r8KCugG/nzOMh
FfkwN3583ahQMB8GA1UdIwQYMBaAFN9r8KCugG/nzOMhFfkwN3583ahQMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhANvIqTO5xluCcWy1Ruv1aMJ/
+r2qS1/BG7u80pkX6D93AiAUhWh9FPF2lPKPU6/qJ5qMtF+WogIAM9naVltSpwtL
9w==
-----END CERTIFICATE-----
`

const LARGE_BYTES = 50 * 1024 * 1024

/** Fills an empty folder. */
export function makeSample(root: string): void {
  const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
    chmodSync(join(root, path), mode)
  }
  const { privateKey } = generateKeyPairSync("ed25519")
  put(".env", "DATABASE_URL=postgres://shop:opensesame@localhost/shop\nAPI_TOKEN=tok_51Hx\n", 0o600)
  put("keys/deploy.pem", privateKey.export({ type: "pkcs8", format: "pem" }), 0o600)
  put("certs/localhost.crt", CERTIFICATE)
  put("src/app.ts", 'import { listen } from "./server/http.ts"\n\nlisten(8080)\n')
  put("src/server/http.ts", "export function listen(port: number): void {\n  console.log(port)\n}\n")
  put("scripts/deploy.sh", "#!/bin/sh\nset -eu\necho deploying\n", 0o755)
  put("docs/日本語/naïve-café.md", "# naïve-café\n\nNames are synced as they are.\n")
  put("docs/quarterly-figures.md", "# quarterly-figures\n\none\ntwo\nthree\nfour\nfive\nsix\n")
  put("assets/recording.bin", randomBytes(LARGE_BYTES))
  put("node_modules/left-pad/index.js", "module.exports = String\n")
  mkdirSync(join(root, "logs"))
  symlinkSync("docs/quarterly-figures.md", join(root, "current.md"))
}
