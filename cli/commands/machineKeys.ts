/** `sessyn machines upgrade-key`, `rotate-key`, `require-post-quantum`. @module */
import { type Command, Option } from "commander"
import type { SignatureAlgorithm } from "../../crypto/crypto.ts"
import type { Context, Result, Run } from "../command.ts"
import { EXIT } from "../exitCodes.ts"
import { teach } from "../help.ts"
import { machineName } from "../output/changes.ts"

const ALGORITHMS = {
  hybrid: ["ed25519", "ml-dsa-87"],
  "ml-dsa-87": ["ml-dsa-87"],
} satisfies Record<string, readonly SignatureAlgorithm[]>

type Choice = keyof typeof ALGORITHMS

const EXITS = [EXIT.notTrusted, EXIT.locked, EXIT.doesNotVerify]

export function addMachineKeys(machines: Command, run: Run): void {
  const upgrade = machines
    .command("upgrade-key")
    .summary("give this machine new keys, post-quantum ones")
    .description("Give this machine new signing and sealing keys, with ML-DSA-87 (FIPS 204) among them.")
    .addOption(
      new Option("--algorithm <name>", "hybrid: Ed25519 and ML-DSA-87, both must hold; or ML-DSA-87 alone")
        .choices(Object.keys(ALGORITHMS))
        .default("hybrid"),
    )
    .action(({ algorithm }: { algorithm: Choice }) => run((context) => upgradeKey(context, algorithm)))
  teach(upgrade, {
    about:
      "The machine stays who it is; its old keys count for nothing from then on. Others follow by themselves; a\n" +
      "Sessyn too old to know the algorithm says that it needs an update, and touches nothing. There is no way\n" +
      "back to keys without ML-DSA-87.",
    examples: [["sessyn machines upgrade-key", "hybrid keys for this machine"]],
    exits: EXITS,
  })
  const rotate = machines
    .command("rotate-key")
    .summary("begin a new workspace key")
    .description("Begin a new workspace key: all that is written from now on is under it.")
    .action(() => run(rotateKey))
  teach(rotate, {
    about:
      "Nobody is put out by it, and what is in the vault stays under its key. To shut a machine out, revoke it:\n" +
      "that begins a new key as well.",
    examples: [["sessyn machines rotate-key", "for your own rule of a new key every year, say"]],
    exits: EXITS,
  })
  const require = machines
    .command("require-post-quantum")
    .summary("let in only machines with a post-quantum key")
    .description("From now on every machine needs an ML-DSA-87 key. There is no way back.")
    .action(() => run(requirePostQuantum))
  teach(require, {
    about: "Run `sessyn machines upgrade-key` on every machine first.",
    examples: [["sessyn machines require-post-quantum", "once all have such a key"]],
    exits: EXITS,
  })
}

async function upgradeKey(context: Context, algorithm: Choice): Promise<Result> {
  const session = await context.session()
  const machine = await session.rekey(ALGORITHMS[algorithm], { signal: context.signal })
  const done = context.style.good(`${machineName(machine)} has new keys: ${machine.algorithms.join(" and ")}.`)
  return { exit: EXIT.inSync, json: { machine }, lines: [done] }
}

async function rotateKey(context: Context): Promise<Result> {
  const session = await context.session()
  const epoch = await session.rotateKey({ signal: context.signal })
  const done = context.style.good(`What is written from now on is under a new key (epoch ${epoch}).`)
  return { exit: EXIT.inSync, json: { epoch }, lines: [done] }
}

async function requirePostQuantum(context: Context): Promise<Result> {
  const session = await context.session()
  await session.requirePostQuantum({ signal: context.signal })
  const done = context.style.good("Every machine needs a post-quantum key from now on.")
  return { exit: EXIT.inSync, json: { signatures: "hybrid" }, lines: [done] }
}
