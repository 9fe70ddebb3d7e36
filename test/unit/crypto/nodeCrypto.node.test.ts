import { createNodeCrypto } from "../../../src/platform/node/nodeCrypto.ts"
import { cryptoConformance } from "../../conformance/crypto.ts"

cryptoConformance("node", createNodeCrypto)
