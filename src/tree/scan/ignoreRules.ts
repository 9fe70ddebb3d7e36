/**
 * What of a workspace is not synced: what is always left out, and what its
 * `.syncignore` files say, with the semantics of .gitignore (gitignore(5)),
 * nested files and negation included, case-sensitive on every platform, names
 * compared in composed form. Made for a walk folder by folder. No I/O.
 *
 * @module
 */
import { isOwnFolder, nameOf, parentOf } from "../paths.ts"
import { matchable, matches, parseRules, type Rule } from "./wildmatch.ts"

/** Name of the files with rules. They are synced themselves. */
export const IGNORE_FILE = ".syncignore"

/** What a new workspace starts with. Secrets are meant to be synced, so none is in it. */
export const DEFAULT_IGNORE_TEXT = `# Sessyn Sync Ignore - .gitignore syntax
#
# Always left out: .git, .DS_Store, Thumbs.db, .sessyn

# Dependencies
node_modules/
bower_components/
.venv/
venv/
vendor/bundle/

# Build artifacts
dist/
build/
out/
target/
.next/
.nuxt/
*.pyc
__pycache__/
*.class
*.o

# Caches and logs
.cache/
.parcel-cache/
.turbo/
.gradle/
.mypy_cache/
.pytest_cache/
coverage/
*.log

# Temporary files
*.swp
*~
*.tmp

# Everything else syncs, .env files, certificates and keys included:
# all of it is encrypted on this machine before it is uploaded.
`

export interface IgnoreRules {
  /**
   * Tells the text of the `.syncignore` in `folder` (`""` is the root), or that there is none; a later call replaces an
   * earlier one. To be called before anything in the folder is asked for.
   */
  enter(folder: string, text: string | null): void
  /** Whether a path is left out, by itself or because a folder around it is. */
  ignores(path: string, isFolder: boolean): boolean
}

/** The rules of one file, and how much of a path is its folder. */
interface RuleFile {
  readonly rules: readonly Rule[]
  readonly prefixLength: number
}

/** What holds for everything directly in a folder; the files closest first. */
interface Scope {
  readonly ignored: boolean
  readonly files: readonly RuleFile[]
}

export function createIgnoreRules(): IgnoreRules {
  const filesByFolder = new Map<string, RuleFile>()
  const scopes = new Map<string, Scope>()

  const scopeOf = (folder: string): Scope => {
    const known = scopes.get(folder)
    if (known !== undefined) return known
    const around = folder === "" ? ROOT : scopeOf(parentOf(folder))
    const file = filesByFolder.get(folder)
    const scope = {
      ignored: folder !== "" && isIgnored(folder, true, around),
      files: file === undefined ? around.files : [file, ...around.files],
    }
    scopes.set(folder, scope)
    return scope
  }

  return {
    enter(folder, text) {
      const parsed = text === null ? [] : parseRules(text)
      if (parsed.length === 0 && !filesByFolder.has(folder)) return
      const prefixLength = folder === "" ? 0 : matchable(folder).length + 1
      if (parsed.length === 0) filesByFolder.delete(folder)
      else filesByFolder.set(folder, { rules: parsed, prefixLength })
      scopes.clear()
    },
    ignores: (path, isFolder) => isIgnored(path, isFolder, scopeOf(parentOf(path))),
  }
}

const ROOT: Scope = { ignored: false, files: [] }

/** Whether a name is left out whatever the rules say. */
export function isAlwaysIgnored(name: string): boolean {
  return /^(?:\.ds_store|thumbs\.db)$/i.test(name) || isOwnFolder(name)
}

function isIgnored(path: string, isFolder: boolean, scope: Scope): boolean {
  if (scope.ignored || isAlwaysIgnored(nameOf(path))) return true
  if (scope.files.length === 0) return false
  const text = matchable(path)
  const nameStart = text.lastIndexOf("/") + 1
  // The closest file that says anything decides, and in it the last line that does.
  for (const { rules, prefixLength } of scope.files) {
    const relative = text.slice(prefixLength)
    for (let i = rules.length - 1; i >= 0; i--) {
      const rule = rules[i] as Rule
      if (matches(rule, relative, nameStart - prefixLength, isFolder)) return !rule.negative
    }
  }
  return false
}
