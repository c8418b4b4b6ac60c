"""The smallest token contract, assembled here: `transfer`, `balanceOf`, `decimals`, and an event for whoever watches.

Memory 0x00-0x3f is hashed to find a balance's slot (`keccak256(account . 0)`), as Solidity lays out a mapping.
"""

from __future__ import annotations

OPCODES = {
    "ADD": 0x01, "SUB": 0x03, "LT": 0x10, "EQ": 0x14, "ISZERO": 0x15, "SHR": 0x1C, "SHA3": 0x20, "CALLER": 0x33,
    "CALLDATALOAD": 0x35, "CODECOPY": 0x39, "POP": 0x50, "MSTORE": 0x52, "SLOAD": 0x54, "SSTORE": 0x55, "JUMPI": 0x57,
    "JUMPDEST": 0x5B, "DUP1": 0x80, "DUP2": 0x81, "SWAP1": 0x90, "LOG3": 0xA3, "RETURN": 0xF3, "REVERT": 0xFD,
}
TRANSFER_TOPIC = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
ABI = [
    {"type": "function", "name": "transfer", "stateMutability": "nonpayable", "outputs": [{"name": "", "type": "bool"}],
     "inputs": [{"name": "to", "type": "address"}, {"name": "value", "type": "uint256"}]},
    {"type": "function", "name": "balanceOf", "stateMutability": "view", "outputs": [{"name": "", "type": "uint256"}],
     "inputs": [{"name": "owner", "type": "address"}]},
    {"type": "function", "name": "decimals", "stateMutability": "view", "outputs": [{"name": "", "type": "uint8"}], "inputs": []},
    {"type": "event", "name": "Transfer", "anonymous": False, "inputs": [
        {"name": "from", "type": "address", "indexed": True}, {"name": "to", "type": "address", "indexed": True},
        {"name": "value", "type": "uint256", "indexed": False}]},
]


def assemble(text: str) -> bytes:
    """Bytecode of instructions: `name:` marks a place to jump to, `@name` pushes it, hexadecimal digits push themselves."""
    code, places, open_places = bytearray(), dict[str, int](), list[tuple[int, str]]()
    for word in " ".join(line.partition(";")[0] for line in text.splitlines()).split():
        if word.endswith(":"):
            places[word[:-1]] = len(code)
            code.append(OPCODES["JUMPDEST"])
        elif word.startswith("@"):
            open_places.append((len(code) + 1, word[1:]))
            code += b"\x61\x00\x00"
        elif word in OPCODES:
            code.append(OPCODES[word])
        else:
            value = bytes.fromhex(word)
            code.append(0x5F + len(value))
            code += value
    for at, name in open_places:
        code[at : at + 2] = places[name].to_bytes(2, "big")
    return bytes(code)


def erc20(decimals: int, supply: int) -> bytes:
    """Code that makes the contract: all of `supply` (smallest units) is the maker's."""
    runtime = assemble(f"""
        00 CALLDATALOAD e0 SHR
        DUP1 a9059cbb EQ @transfer JUMPI
        DUP1 70a08231 EQ @balance JUMPI
        DUP1 313ce567 EQ @decimals JUMPI
        00 00 REVERT

        balance: 04 CALLDATALOAD 00 MSTORE 00 20 MSTORE 40 00 SHA3 SLOAD 00 MSTORE 20 00 RETURN
        decimals: {decimals:02x} 00 MSTORE 20 00 RETURN

        transfer:
        CALLER 00 MSTORE 00 20 MSTORE 40 00 SHA3          ; slot of the sender
        DUP1 SLOAD                                        ; slot balance
        24 CALLDATALOAD DUP2 LT @poor JUMPI               ; balance < value
        24 CALLDATALOAD SWAP1 SUB SWAP1 SSTORE            ; sender has less
        04 CALLDATALOAD 00 MSTORE 40 00 SHA3              ; slot of the receiver
        DUP1 SLOAD 24 CALLDATALOAD ADD SWAP1 SSTORE       ; receiver has more
        24 CALLDATALOAD 00 MSTORE
        04 CALLDATALOAD CALLER {TRANSFER_TOPIC} 20 00 LOG3
        01 00 MSTORE 20 00 RETURN
        poor: 00 00 REVERT
    """)
    make = f"CALLER 00 MSTORE 00 20 MSTORE {supply:064x} 40 00 SHA3 SSTORE"
    head = assemble(f"{make} {len(runtime):04x} DUP1 @end 00 CODECOPY 00 RETURN end:")
    return head[:-1] + runtime  # in the place of the mark `end` the contract's own code begins
