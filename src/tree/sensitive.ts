/**
 * Names of files that deserve care: those that look like secrets (written for
 * their owner only, not compressed, listed when a machine is revoked), and those
 * that an editor or tool may run without being asked (marked in review). Names
 * only: a guess that errs on the side of care, never a reason not to sync. Pure.
 *
 * @module
 */
import { nameOf } from "./paths.ts"

/** By name; the whole of it, case ignored. */
const SECRET_NAMES: readonly RegExp[] = [
  // .env, .env.production, prod.env, .envrc, .env.vault; but not what is meant to be public.
  /^(?:\.env|.*\.env)(?:\..*)?$/,
  /^\.envrc(?:\..*)?$/,
  /^\.dev\.vars(?:\..*)?$/,
  // Keys and certificates with keys.
  /\.(?:pem|key|p8|p12|pfx|pk8|pkcs12|ppk|jks|jceks|keystore|bks|kdbx?|asc|gpg|pgp|age|ovpn|mobileprovision|keytab|kwallet|agekey)$/,
  /^id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[._-].*)?$/,
  /^(?:ssh_host_.*_key|identity|master\.key|secring.*|private[._-]?key.*)$/,
  // Credentials of tools.
  /^[._](?:npmrc|yarnrc|yarnrc\.yml|netrc|pypirc|pgpass|my\.cnf|git-credentials|htpasswd|dockercfg|boto|s3cfg|vault-token)$/,
  /^\.(?:terraformrc|bash_history|zsh_history|psql_history|mysql_history|node_repl_history|python_history)$/,
  /^(?:terraform\.rc|\.?htpasswd|pgpass\.conf|gradle\.properties|auth\.json|wp-config\.php|kubeconfig.*|.*\.kubeconfig)$/,
  /\.(?:tfvars|tfvars\.json|tfstate|tfstate\.backup)$/,
  /^(?:.*[._-])?(?:secrets?|credentials?|passwords?|passwd|service[._-]?account)(?:[._-].*)?$/,
  /^(?:.*[._-])?(?:gcp|google|firebase)[._-]?(?:key|credentials|adminsdk).*\.json$/,
  /^application_default_credentials\.json$/,
  /^(?:token|tokens|api[._-]?keys?|access[._-]?keys?)(?:\.(?:txt|json|ya?ml|ini|cfg|conf|csv))?$/,
]

/** By place: the end of the path. */
const SECRET_PLACES: readonly RegExp[] = [
  /(?:^|\/)\.(?:ssh|gnupg|password-store|aws|azure|gcloud|kube|oci|vault)\/./,
  /(?:^|\/)\.docker\/config\.json$/,
  /(?:^|\/)\.m2\/settings(?:-security)?\.xml$/,
  /(?:^|\/)\.(?:gem|cargo)\/credentials(?:\.toml)?$/,
  /(?:^|\/)\.config\/(?:gh\/hosts\.yml|gcloud\/.+|rclone\/rclone\.conf|sops\/.+|op\/.+)$/,
]

/** Made to be read by all: examples, and public halves of keys. */
const PUBLIC = /(?:^\.?env\.d\.ts|\.(?:example|sample|template|dist|pub)|[._-](?:example|sample|template))$/
/** Source text about secrets is not a secret. */
const SOURCE =
  /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|cs|c|h|cpp|hpp|swift|php|vue|svelte|html?|s?css|md|rst|adoc|sh|ps1|sql|proto|graphql)$/
const SOURCE_BUT_SECRET = /^wp-config\.php$/

/** What runs, and when. */
const RUNS: readonly RegExp[] = [
  // VS Code: tasks that run when the folder is opened, settings that name programs, containers, extensions.
  /(?:^|\/)\.vscode\/(?:tasks|launch|settings|extensions|mcp)\.json$/,
  /\.code-workspace$/,
  /(?:^|\/)\.devcontainer(?:\/.*|\.json)$/,
  /(?:^|\/)\.(?:cursor|claude|codex|gemini|windsurf)\/(?:mcp|settings|settings\.local|hooks|config)\.(?:json|toml)$/,
  /(?:^|\/)\.cursor\/(?:hooks|rules)\/./,
  /(?:^|\/)\.mcp\.json$/,
  /(?:^|\/)\.idea\/(?:runconfigurations\/.+|workspace\.xml|watchertasks\.xml|externaldependencies\.xml)$/,
  /(?:^|\/)\.(?:exrc|nvimrc|vimrc|nvim\.lua|lvimrc|dir-locals\.el|sublime-project)$/,
  /\.sublime-project$/,
  // Shells that look into a folder on entering it.
  /(?:^|\/)\.(?:envrc|autoenv|autoenv\.zsh|env\.zsh|tool-versions|mise\.toml|mise\.local\.toml)$/,
  /(?:^|\/)(?:mise|mise\.local)\.toml$/,
  /(?:^|\/)\.(?:mise|direnv)\/./,
  // Git hooks kept in the tree, and what installs or drives them.
  /(?:^|\/)\.(?:husky|githooks|git-hooks)\/./,
  /(?:^|\/)(?:\.?lefthook(?:-local)?\.(?:ya?ml|toml|json)|\.pre-commit-config\.yaml|\.overcommit\.yml)$/,
  /(?:^|\/)\.(?:gitmodules|gitattributes|gitconfig)$/,
  // Package managers: scripts on install, programs by setting.
  /(?:^|\/)(?:package\.json|\.npmrc|\.yarnrc|\.yarnrc\.yml|\.pnpmfile\.[cm]?js|binding\.gyp)$/,
  /(?:^|\/)\.yarn\/(?:releases|plugins)\/./,
  /(?:^|\/)(?:conftest\.py|sitecustomize\.py|usercustomize\.py|setup\.py|\.pdbrc|build\.rs)$/,
  /(?:^|\/)\.cargo\/config(?:\.toml)?$/,
  // Start-up files of shells and of Node.
  /(?:^|\/)\.(?:bashrc|bash_profile|bash_login|profile|zshrc|zshenv|zprofile|zlogin|inputrc|xinitrc|gdbinit|lldbinit)$/,
]

/** All of them as one: each by itself would go through every path again. */
const [SECRET_NAME, SECRET_PLACE, RUN] = [SECRET_NAMES, SECRET_PLACES, RUNS].map(
  (patterns) => new RegExp(patterns.map(({ source }) => source).join("|")),
) as [RegExp, RegExp, RegExp]

/** Whether a path looks as if it held a secret. */
export function looksSecret(path: string): boolean {
  const lower = path.toLowerCase()
  const name = nameOf(lower)
  if (PUBLIC.test(name)) return false
  if (SECRET_PLACE.test(lower)) return true
  if (SOURCE.test(name) && !SOURCE_BUT_SECRET.test(name)) return false
  return SECRET_NAME.test(name)
}

/** Whether opening the workspace, entering a folder or an everyday command may run what a file says. */
export function runsOnOpen(path: string): boolean {
  return RUN.test(path.toLowerCase())
}
