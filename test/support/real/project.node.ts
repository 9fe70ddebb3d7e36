/**
 * A public project as it is published: one npm package by its exact version and
 * integrity hash, kept in `node_modules/.cache`; and what a developer's working
 * copy of it has besides: secrets, scripts, links, odd names, large and empty files.
 *
 * @module
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { seededRandom } from "../seededRandom.ts"

/** 7,457 files, 34 MB, MIT licence; sources, declarations and three builds, one of them minified. */
const PACKAGE = {
  name: "@fluentui/react",
  version: "8.122.1",
  integrity: "sha512-mH2TDCiVmj6Zly0iU9GfR824ZM2RIeKjuB0LnAmIWyvtaAVAUfmYtQFF/ZKDJC6jXoF7as8vyVmTxhDt9wQsDw==",
}
const CACHE = join(import.meta.dirname, "..", "..", "..", "node_modules", ".cache", "sessyn-real-input")

/** Unpacks the package into a folder, which is made. */
export function unpackProject(folder: string): void {
  const tarball = join(CACHE, `${PACKAGE.name.replaceAll(/[^a-z0-9]+/g, "-")}-${PACKAGE.version}.tgz`)
  if (!existsSync(tarball)) download(tarball)
  if (integrityOf(tarball) !== PACKAGE.integrity) throw new Error(`${tarball} is not what the registry published`)
  mkdirSync(folder, { recursive: true })
  execFileSync("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"])
}

function download(tarball: string): void {
  mkdirSync(CACHE, { recursive: true })
  const place = mkdtempSync(join(CACHE, "download-"))
  try {
    const spec = `${PACKAGE.name}@${PACKAGE.version}`
    execFileSync("npm", ["pack", spec, "--silent", "--pack-destination", place], {
      stdio: "pipe",
      shell: process.platform === "win32",
    })
    const [packed] = readdirSync(place)
    if (packed === undefined || integrityOf(join(place, packed)) !== PACKAGE.integrity) {
      throw new Error(`the registry's ${spec} is not the one that is expected`)
    }
    renameSync(join(place, packed), tarball)
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function integrityOf(path: string): string {
  return `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`
}

/** A path of {@link addWorkingCopy} whose file other users could read where it was made. */
export const CARELESS_SECRET = "certificates/server.key"

/** Adds what lies in a working copy and not in a package. */
export function addWorkingCopy(root: string): void {
  const random = seededRandom(1)
  const token = (): string => Buffer.from(random(24)).toString("base64url")
  const write = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
    chmodSync(join(root, path), mode)
  }
  const pem = (title: string): string =>
    `-----BEGIN ${title}-----\n${Buffer.from(random(600))
      .toString("base64")
      .replaceAll(/(.{64})/g, "$1\n")}\n-----END ${title}-----\n`

  write(".syncignore", "# Kept small: dist/ is published, so it is synced.\n*.log\n/scratch/\n")
  write("debug.log", "not to be synced\n")
  write("scratch/notes.txt", "not to be synced\n")

  write(".env", `DATABASE_URL=postgres://ledger:${token()}@db.internal.example/ledger\nSTRIPE=${token()}\n`, 0o600)
  write("config/.env.production", `SESSION_KEY=${token()}\nSMTP_PASSWORD=${token()}\n`, 0o600)
  write("config/credentials.json", JSON.stringify({ user: "deploy", token: token() }), 0o600)
  write(".npmrc", `//registry.npmjs.org/:_authToken=${token()}\n`, 0o600)
  write("certificates/id_ed25519", pem("OPENSSH PRIVATE KEY"), 0o600)
  write(CARELESS_SECRET, pem("PRIVATE KEY"), 0o644)

  write("scripts/deploy.sh", `#!/bin/sh\nexec rsync --archive lib/ "deploy@$HOST:/srv/www"\n`, 0o755)
  write("scripts/private.sh", "#!/bin/sh\nexit 0\n", 0o700)
  mkdirSync(join(root, "empty/folder/below"), { recursive: true })
  chmodSync(join(root, "empty/folder"), 0o750)
  write("empty/file", "")
  write("assets/texture.bin", random(3 * 1024 * 1024))
  write("assets/zeros.bin", new Uint8Array(2 * 1024 * 1024))
  write("assets/latin1.txt", Uint8Array.from([0x67, 0xfc, 0x6e, 0x73, 0x74, 0x69, 0x67, 0x0a]))
  write("assets/windows.txt", "first line\r\nsecond line of three\r\nthird line\r\n")
  write("notes/naïve café, 東京.md", "# Übersicht\n\nUmlaute, 漢字 and 🎒 in a name and in a line.\n")
  write("notes/- dashes & 'quotes' \"too\".txt", "read me with care\n")

  symlinkSync("lib/index.js", join(root, "main.js"))
  symlinkSync("../lib-commonjs", join(root, "notes/commonjs"))
  symlinkSync("no/such/file", join(root, "dangling"))
}
