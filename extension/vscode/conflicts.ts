/**
 * Conflicts by quick pick, one by one or all at once, with VS Code's own diff
 * editor to decide by.
 *
 * @module
 */
import { commands, type Disposable, type QuickPickItem, Uri, window, workspace } from "vscode"
import { fromUtf8 } from "../../crypto/bytes.ts"
import type { ConflictQuestion } from "../../src/ports/prompts.ts"
import { printable } from "../../src/printable.ts"
import type { ConflictKind, Resolution } from "../../src/tree/plan/plan.ts"

const SCHEME = "sessyn-conflict"

const KINDS = {
  "edit-edit": "changed on both sides",
  "create-create": "made on both sides, differently",
  "edit-delete": "changed here, deleted there",
  "delete-edit": "deleted here, changed there",
  "type-type": "of another type on each side",
} satisfies Record<ConflictKind, string>

type Answer = Exclude<Resolution["choice"], "merged"> | "merge" | "diff"
type AnswerItem = QuickPickItem & { readonly answer: Answer }
type BulkItem = QuickPickItem & { readonly choice: Exclude<Resolution["choice"], "merged"> | null }

/** Shows both sides of a conflict next to each other. Its documents live as long as the extension. */
export interface ConflictDiff extends Disposable {
  show(question: ConflictQuestion): Promise<void>
}

/** Registers the read-only documents that the diff editor shows; they are kept in memory only. */
export function createConflictDiff(): ConflictDiff {
  const texts = new Map<string, string>()
  const provider = workspace.registerTextDocumentContentProvider(SCHEME, {
    provideTextDocumentContent: (uri) => texts.get(uri.toString()) ?? "",
  })
  const closed = workspace.onDidCloseTextDocument(({ uri }) => texts.delete(uri.toString()))
  let count = 0

  function documentOf(path: string, bytes: Uint8Array | null, side: string): Uri {
    const uri = Uri.from({ scheme: SCHEME, authority: side, path: `/${path}`, query: `${++count}` })
    texts.set(uri.toString(), textOf(bytes))
    return uri
  }

  return {
    async show({ conflict: { path }, machine, contents }) {
      const [local, remote] = await Promise.all([contents.local(), contents.remote()])
      const left = documentOf(path, remote, "remote")
      const right = documentOf(path, local, "local")
      await commands.executeCommand("vscode.diff", left, right, `${printable(path)} (${machine} ↔ here)`, {
        preview: true,
      })
    },
    dispose() {
      provider.dispose()
      closed.dispose()
      texts.clear()
    },
  }
}

function textOf(bytes: Uint8Array | null): string {
  if (bytes === null) return ""
  try {
    return fromUtf8(bytes)
  } catch {
    return `(not text: ${bytes.length} bytes)`
  }
}

/** What the person decided, by path; what they left open is skipped and asked again next time. */
export async function resolveConflicts(
  questions: readonly ConflictQuestion[],
  diff: ConflictDiff,
): Promise<ReadonlyMap<string, Resolution>> {
  const decided = new Map<string, Resolution>()
  const bulk = questions.length > 1 ? await askBulk(questions.length) : null
  for (const [index, question] of questions.entries()) {
    const position = questions.length > 1 ? ` (${index + 1} of ${questions.length})` : ""
    decided.set(question.conflict.path, bulk === null ? await askOne(question, position, diff) : { choice: bulk })
  }
  return decided
}

async function askBulk(count: number): Promise<BulkItem["choice"]> {
  const items: BulkItem[] = [
    { label: "Decide for Each File", choice: null },
    { label: "Keep Local for All", description: "what is on this machine", choice: "keep-local" },
    { label: "Keep Remote for All", description: "what is in the vault", choice: "keep-remote" },
    { label: "Keep Both for All", description: "the other one as name.remote.ext", choice: "keep-both" },
    { label: "Skip All", description: "ask again at the next sync", choice: "skip" },
  ]
  const picked = await window.showQuickPick(items, { title: `Sessyn: ${count} Conflicts`, ignoreFocusOut: true })
  return picked === undefined ? "skip" : picked.choice
}

async function askOne(question: ConflictQuestion, position: string, diff: ConflictDiff): Promise<Resolution> {
  const { conflict, contents } = question
  const merged = await contents.merged()
  for (;;) {
    const picked = await window.showQuickPick(answersFor(question, merged !== null), {
      title: `Sessyn: Resolve Conflict${position}`,
      placeHolder: `${printable(conflict.path)}: ${KINDS[conflict.kind]}`,
      ignoreFocusOut: true,
    })
    if (picked === undefined) return { choice: "skip" }
    if (picked.answer === "merge") return { choice: "merged", content: merged as Uint8Array }
    if (picked.answer !== "diff") return { choice: picked.answer }
    await diff.show(question)
  }
}

function answersFor({ conflict, machine }: ConflictQuestion, canMerge: boolean): readonly AnswerItem[] {
  const { local, remote } = conflict
  const items: AnswerItem[] = [
    { label: "Keep Local", description: local === null ? "deleted" : "what is here", answer: "keep-local" },
    {
      label: "Keep Remote",
      description: `${remote === null ? "deleted" : "what is there"}, by ${machine}`,
      answer: "keep-remote",
    },
  ]
  if (local !== null && remote !== null) {
    items.push({ label: "Keep Both", description: "the other one as name.remote.ext", answer: "keep-both" })
  }
  if (canMerge) items.push({ label: "Merge", description: "both edits; they do not overlap", answer: "merge" })
  if (local?.type === "file" && remote?.type === "file") {
    items.push({ label: "Diff & Decide", description: "compare first", answer: "diff" })
  }
  return [...items, { label: "Skip", description: "ask again at the next sync", answer: "skip" }]
}
