/**
 * What machines have signed, for a person who is about to put them out: a thief
 * of one may have let others in, or changed files that everybody has now.
 *
 * @module
 */
import type { TrustEntry } from "../../storage/format/trustEntry.ts"
import { firstPaths } from "../tree/paths.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import type { VaultIndex } from "../vault/vaultIndex.ts"
import { namesOf } from "./names.ts"

const WORDS = {
  genesis: "made the vault",
  approve: "approved",
  revoke: "revoked",
  delete: "deleted",
  rekey: "took new keys",
  passphrase: "set another passphrase",
  epoch: "began a new epoch",
  policy: "set another policy",
  recover: "recovered the vault",
} satisfies Record<TrustEntry["kind"], string>

/** Lines on the entries of the log that these machines signed, and on the files whose newest version is theirs. */
export async function signedLines(
  context: Context,
  { trust }: Head,
  { entries }: VaultIndex,
  machines: ReadonlySet<string>,
): Promise<readonly string[]> {
  const deeds: string[] = []
  const names = await namesOf(context, trust)
  for (const { entry } of trust.entries) {
    // Who founds or recovers a vault comes with the entry itself.
    const signer = entry.writer ?? cameWith(entry, trust)[0]
    if (signer === undefined || !machines.has(signer)) continue
    const others = concerned(entry, trust).map(names)
    deeds.push([WORDS[entry.kind], others.join(" and ")].filter((part) => part !== "").join(" "))
  }
  const files = [...entries.values()].filter(({ type, writer }) => type === "file" && machines.has(writer))
  const paths = files.map(({ path }) => path).sort()
  return [
    ...(deeds.length === 0 ? [] : [`What they signed: ${deeds.join("; ")}.`]),
    ...(paths.length === 0
      ? []
      : [`The newest version is theirs of ${paths.length} ${paths.length === 1 ? "file" : "files"}:`]),
    ...firstPaths(paths, "; `sessyn log` shows them all"),
  ]
}

/** Ids of the other machines that an entry is about. */
function concerned(entry: TrustEntry, trust: Head["trust"]): readonly string[] {
  switch (entry.kind) {
    case "approve":
      return cameWith(entry, trust)
    case "revoke":
      return entry.machines
    case "delete":
      return [entry.machine]
    default:
      return []
  }
}

function cameWith({ sequence }: TrustEntry, { machines }: Head["trust"]): readonly string[] {
  return [...machines.values()].filter(({ since }) => since === sequence).map(({ id }) => id)
}
