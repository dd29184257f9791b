"""The grammar of random models: every construct of the language, as rules with slots.

A rule is Python text in which ``{kind}`` stands for a piece of that kind. ``{kind:1}`` is the same
piece wherever ``:1`` appears in the rule, and words before the kind (``{steady_round_block}``)
change its scope. Before ``::`` stand what the rule needs of its scope, and its weight. The first
rule of a kind is where shrinking ends.
"""

from __future__ import annotations

RULES: dict[str, list[str]] = {
    "statement": [
        "{stepvoid}",
        "{stepint}",
        "2 :: {setting}",
        "2 :: {marking}",
        "{leaving}",
        "deep 4 :: {nested}",
        "helper 2 :: {call}",
        "pairing :: {name}, {name} = {paircall}",
    ],
    "leaving": [
        "{fence}",
        "flat :: wait_until(lambda: {heard})",
        "hostile flat 2 :: rest()",
        "hostile flat :: pause()",
        "bare :: if {cond}:\n    return",
        "value 2 :: if {cond}:\n    return {mixed}",
        "pair 2 :: if {cond}:\n    return {twin}",
        "loop 3 :: if {cond}:\n    {jump}",
        "{rare}",
    ],
    "tuples": [
        "{name}, {name} = {adjacent}",
        "{name:1}, {name:2} = ({name:2}, {name:1})",
        "{name}, {name} = ({mixed}, {mixed})",
        "two = {adjacent}\n{name}, {name} = two",
        "two = ({pure}, {mixed})\n{name}, {name} = two",
        "{name}, {name}, {name} = read_together({root:1}.x, {root:1}.y, {root:1}.z)",
        "pairing 3 :: {name}, {name} = {paircall}",
    ],
    "happening": [
        "2 :: {stepvoid}\nevent({label})",
        "if {stepbool}:\n    event({label})\nelse:\n    event({label})",
        "event({label}) if {stepbool} else event({label})",
        "{stepvoid}\nevent({label} if {test} else {label})",
        "{name} = {choice}\nevent({label})\n{stepvoid}",
        "hostile flat 2 :: rest()\nevent({label})\n{stepvoid}",
    ],
    "branch": [
        "3 :: if {cond}:\n    {block}",
        "3 :: if {cond}:\n    {block}\nelse:\n    {block}",
        "if {cond}:\n    {block}\nelif {cond}:\n    {block}\nelse:\n    {block}",
        "if {root}.limit {compare} {num}:\n    {block}\nelse:\n    {block}",
    ],
    "bounded": [
        "2 :: for {loop} in range({bound}):\n    {each_round_block}",
        "for {loop} in range({bound}):\n    {each_round_block}\nelse:\n    {block}",
        "free :: for {loop:1} in range(2):\n    {root}.cells[{loop:1}].{voidop}",
        "for {loop:1} in range(2):\n    {root}.marks[{loop:1}].{flagvoid}",
        "for {loop:1} in range(2):\n    if {cond}:\n        break\n    {each_block}",
        "for {loop:1} in range(2):\n    if {cond}:\n        continue\n    {each_block}",
        "for {loop:1} in range(3):\n    {name} += {loop:1}",
        "for {loop:1} in range(2):\n    if choose():\n        {name} += 1",
    ],
    "spinning": [
        "{turn:1} = 0\nwhile {turn:1} < 2:\n    {turn:1} += 1\n    {stepvoid}\n    {round_block}",
        "{turn:1} = 2\nwhile {turn:1} > {stepint}:\n    {turn:1} -= 1\n    if {turn:1} < -1:\n"
        "        break\n    {round_block}\nelse:\n    {block}",
        "{name:1} = {mark:1}.read()\n"
        "while not {mark:1}.try_cmpxchg{suffix}({name:1}, {name:1} ^ 1):\n"
        "    {name:1} = {mark:1}.read()",
        "2 :: while {steady_spincond}:\n    {steady_round_endless}",
        "while {steady_spincond}:\n    {steady_round_endless}\nelse:\n    {block}",
        "while choose():\n    {steady_stepvoid}",
        "while True:\n    {steady_stepvoid}\n    if {steady_cond}:\n        break\n"
        "    {steady_round_endless}",
    ],
    "grouped": [
        "{stepvoid}\n{block}",
        "2 :: {name} = {stepint}\n{block}",
        "{block}\n{stepvoid}",
        "{name} = {choice}\n{stepvoid}\n{block}",
        "2 :: {ghost}\n{stepvoid}",
        "if {cond}:\n    {block}\nelse:\n    {stepvoid}",
        "for {loop:1} in range({bound}):\n    {stepvoid}\n    {each_round_block}",
        "2 :: {fixedlock:1}.lock()\n{inside_block}\n{fixedlock:1}.unlock()",
        "2 :: wait_until(lambda: {heard})\n{block}",
        "value 2 :: {stepvoid}\nreturn {stepint}",
    ],
    "bracket": [
        "2 :: {fixed:1}.{up}\n{inside_block}\n{fixed:1}.{down}",
        "2 :: {fixed:1}.{up}\n{root:2}.{secret:3} += 1\n{inside_block}\n{fixed:1}.{down}\n"
        "{root:2}.{secret:3} -= 1",
        "{counter:1}.{up}\n{stepvoid}\n{counter:1}.{down}",
        "2 :: if {fixed:1}.{gain}:\n    {inside_block}\n    {fixed:1}.{down}",
        "if {fixed:1}.dec_if_positive() >= 0:\n    {inside_block}\n    {fixed:1}.{up}",
        "if {fixedlock:1}.trylock():\n    {inside_block}\n    {fixedlock:1}.unlock()",
        "flat 3 :: {fixedlock:1}.lock()\n{inside_block}\n{fixedlock:1}.unlock()",
        "flat :: {lock:1}.lock()\n{stepvoid}\n{lock:1}.unlock()",
        "flat :: with atomic():\n    {fixedlock:1}.lock()\n    {stepvoid}\n{inside_block}\n"
        "{fixedlock:1}.unlock()",
    ],
    "ghost": [
        "{root:1}.{secret:2} = {small}",
        "{root:1}.{secret:2} = ({root:1}.{secret:2} + 1) % 3",
        "{root:1}.{secret:2} = {name} & 3",
        "free 2 :: {root:1}.{secret:2} += 1",
        "free :: {root:1}.{secret:2} -= {name}",
        "free :: {root:1}.{secret:2} = {root:1}.{secret:2} + {pure}",
        "free :: {root:1}.seen = {root:1}.held",
    ],
    "pure": [
        "3 :: {name}",
        "{num}",
        "{root}.limit",
        "constants 2 :: {constant}",
        "deep 2 :: ({pure} {plus} {pure})",
        "deep :: ({pure} * {num})",
        "deep :: ({pure} // {divisor})",
        "deep :: ({pure} % {divisor})",
        "deep :: ({pure} << 2)",
        "deep :: ({pure} >> {shift})",
        "deep :: {unary}{pure}",
        "deep 2 :: {convert}({pure})",
        "deep :: ({pure} if {test} else {pure})",
    ],
    "test": [
        "3 :: {name} {compare} {num}",
        "{name}",
        "deep :: {pure} {compare} {pure}",
        "deep :: {pure} < {pure} <= {num}",
        "deep :: not {test}",
        "deep :: ({test} and {test})",
        "deep :: ({test} or {test})",
    ],
    "mixed": [
        "3 :: {stepint}",
        "{pure}",
        "{stepbool}",
        "{choice}",
        "helper 3 :: {call}",
        "deep :: ({mixed} {plus} {mixed})",
        "deep :: ({mixed} * {num} - {mixed} // {divisor})",
        "deep :: ({mixed} if {cond} else {mixed})",
        "deep 2 :: {convert}({mixed})",
        "deep :: {unary}{mixed}",
    ],
    "cond": [
        "2 :: {stepbool}",
        "2 :: {stepint} {compare} {num}",
        "{test}",
        "choose()",
        "choose({num}, {num}) {compare} {name}",
        "helper :: {call} {compare} {num}",
        "deep :: not {cond}",
        "deep :: ({cond} and {cond})",
        "deep :: ({cond} or {cond})",
        "deep :: {num} <= {stepint} < {mixed}",
        "deep :: ({cond} if {test} else {cond})",
    ],
    "heard": [
        "2 :: {bare} {compare} {num}",
        "2 :: {bare} >= {num}",
        "{bare} != {name}",
        "not {root}.flag",
        "{root}.flag",
        "{root:1}.x + {root:1}.y {compare} {num}",
        "{num} <= {bare} or {name} > 0",
        "not {root}.marks[{calmindex}]",
    ],
    "claim": [
        "2 :: {bare} {compare} {num}",
        "{bare} {compare} {bare}",
        "2 :: {root}.{secret} {compare} {num}",
        "{bare} <= {root}.{secret} + 3",
        "-1 <= {bare} <= 3",
        "not {root}.flag or {bare} >= 0",
        "not {root}.lock",
        "u32({bare} + {num}) < 9",
        "not {root}.marks[{calmindex}]",
        "deep 2 :: ({claim} or {claim})",
        "deep :: ({claim} and {claim})",
    ],
    "property": [
        "4 :: {claim}",
        "any({root:1}.cells[k] {compare:1} {num:1} for k in range(2))",
        "all({root:1}.cells[k] {compare:1} {num:1} for k in range(2))",
        "sum({root:1}.cells[k] for k in range(2)) {compare} {num}",
    ],
    "kernel": [
        "10 :: {block}",
        "while True:\n    {steady_stepvoid}\n    {steady_round_endless}",
        "while True:\n    if {steady_cond}:\n        {steady_stepvoid}\n    else:\n"
        "        {steady_stepint}\n    {steady_inside_endless}",
    ],
    "hostile": [
        "2 :: while True:\n    rest()\n    {steady_round_endless}",
        "while True:\n    pause()\n    {steady_round_endless}",
        "while True:\n    {steady_inside_endless}\n    rest()",
        "while True:\n    if {steady_cond}:\n        rest()\n        {steady_round_endless}\n"
        "    else:\n        {steady_inside_endless}\n        rest()",
        "for {loop} in range(2):\n    rest()\n    {each_round_block}",
        "rest()\n{block}",
        "{block}",
    ],
    "victim": [
        "while True:\n    {steady_stepvoid}\n    event('goal')\n    {steady_inside_endless}",
        "while True:\n    if {steady_stepbool}:\n        event('goal')\n    {steady_stepint}",
        "while True:\n    {steady_stepint}\n    {steady_inside_endless}\n    if {steady_cond}:\n"
        "        event('goal')",
    ],
}

# Kinds whose rules are short: written in one line, between semicolons.
SHORT_RULES = {
    "marking": "{stepvoid}\n{ghost}; {name} = {stepint}\n{ghost}; 2 :: {happening}; {checked}",
    "checked": "assert {sure}, '#'",
    "nested": "{branch}; {bracket}; {bounded}; flat 2 :: with atomic():\n    {group_grouped}; "
    "spin :: {spinning}",
    "rare": "assert {claim}, '#'; {lock}.unlock(); {lock}.trylock(); flat :: {lock}.lock()",
    "setting": "3 :: {name} = {mixed}; {name} += {mixed}; 2 :: {name} {augment}; "
    "{name} = {choice}; {name} = {cond}; unused = {mixed}; 2 :: {tuples}; "
    "errors :: {name} = {pure} {risky} {name}",
    "augment": "-= {pure}; *= 2; //= {divisor}; %= {divisor}; &= {pure}; |= {pure}; ^= {pure}; "
    "<<= 1; >>= {shift}",
    "jump": "break; continue; {stepvoid}\nbreak; {stepvoid}\ncontinue",
    "adjacent": "read_together({root:1}.x, {root:1}.y); read_together({root:1}.y, {root:1}.x); "
    "read_together({root:1}.cells[0], {root:1}.cells[1])",
    "twin": "{name}, {mixed}; {adjacent}",
    "label": "'a'; 'b'; 'c'",
    "fence": "smp_mb(); smp_rmb(); smp_wmb(); smp_mb__before_atomic()\n{stepvoid}; "
    "{stepvoid}\nsmp_mb__after_atomic()",
    "bound": "2; 1; 3; {root}.limit; 1, 3; 2, 0, -1; 0, 4, 3; {name} % 3; 0; choose(1, 2); "
    "{stepint} & 1; choose(0, {name}) & 3",
    "spincond": "{stepbool}; {stepint} {compare} {num}; {stepint} > {num} and {cond}",
    "up": "inc(); inc_return{suffix}(); add(1); fetch_add{suffix}(1); inc_and_test(); "
    "add_return{suffix}(1); sub(-1); sub_return{suffix}(-1); add_negative(1)",
    "down": "dec(); dec_return{suffix}(); sub(1); fetch_sub{suffix}(1); dec_and_test(); "
    "sub_and_test(1); sub_return{suffix}(1); add(-1); fetch_add{suffix}(-1)",
    "gain": "inc_not_zero(); add_unless(1, {num})",
    "secret": "seen; held",
    "stepvoid": "2 :: {bits}.{bitsvoid}; {flag}.{flagvoid}; free 4 :: {atomic}.{voidop}",
    "voidop": "inc(); dec(); add({operand}); sub({operand}); {bitsvoid}",
    "bitsvoid": "set({value}); set_release({value}); and_({mask}); or_({mask}); xor({mask}); "
    "andnot({mask})",
    "flagvoid": "set(); clear()",
    "stepint": "2 :: {atomic}.{look}; 2 :: {bits}.{bitsint}; free 3 :: {atomic}.{intop}",
    "look": "2 :: read(); read_acquire()",
    "intop": "inc_return{suffix}(); dec_return{suffix}(); add_return{suffix}({operand}); "
    "sub_return{suffix}({operand}); fetch_add{suffix}({operand}); dec_if_positive(); "
    "fetch_sub{suffix}({operand})",
    "bitsint": "xchg{suffix}({value}); cmpxchg{suffix}({old}, {value}); "
    "fetch_and{suffix}({mask}); fetch_or{suffix}({mask})",
    "stepbool": "{flag}.{flagbool}; {bits}.try_cmpxchg{suffix}({old}, {value}); "
    "free 2 :: {atomic}.{boolop}",
    "boolop": "inc_and_test(); dec_and_test(); sub_and_test({operand}); inc_not_zero(); "
    "add_negative({operand}); add_unless({operand}, {num})",
    "flagbool": "test(); test_and_set(); test_and_clear()",
    "suffix": "3 :: ; _relaxed; _acquire; _release",
    "operand": "4 :: 1; 2 :: 2; 2 :: -1; 2147483647; {root}.limit; {name}",
    "value": "2 :: {small}; {name} & 3; free :: {pure}; free :: {edge}",
    "old": "2 :: {small}; {name}; free :: {edge}",
    "mask": "1; 2; 3; -2; {small} ^ 1",
    "edge": "2147483647; -2147483648; 4294967295; 2147483646",
    "atomic": "3 :: {root}.x; 3 :: {root}.y; {root}.z; 2 :: {root}.wide; "
    "2 :: {root}.cells[{index}]; errors 3 :: {root}.cells[{name}]",
    "counter": "{root}.x; {root}.cells[{calmindex}]",
    "fixed": "2 :: {root}.x; {root}.cells[0]; {root}.cells[1]",
    "bits": "2 :: {root}.y; {root}.z; {root}.wide",
    "mark": "2 :: {root}.y; {root}.z",
    "flag": "{root}.flag; {root}.marks[{index}]",
    "lock": "{root}.lock; {root}.locks[{calmindex}]",
    "fixedlock": "2 :: {root}.lock; {root}.locks[0]; {root}.locks[1]",
    "calmindex": "0; 1; locals 2 :: {name} % 2; locals :: ({name} + 1) % 2",
    "index": "0; 1; 2 :: {name} % 2; {pure} % 2; {root}.y.read() % 2",
    "num": "0; 1; 2; 3; -1",
    "small": "0; 1; 2; 3",
    "divisor": "2; 3; -2; -3; (({name} & 1) + 1); errors 3 :: {name}",
    "shift": "1; 2; 31; ({name} & 3); errors 2 :: {name}",
    "compare": "==; !=; <; <=; >; >=",
    "arguments": "{root}; {root}, {pure}; {root}, n={num}; {root}, {stepint}",
    "risky": "//; %; >>",
    "plus": "+; -; &; |; ^",
    "unary": "-; ~",
    "convert": "u32; s32; u64; s64",
    "choice": "2 :: choose(); choose({num}, {num}); choose({num}, {name}, {num})",
    "bare": "2 :: {root}.x; 2 :: {root}.y; {root}.wide; {root}.cells[{calmindex}]",
    "sure": "{bare} != 77; {name:1} == {name:1}; 0 <= {bare} % 4 < 4; {root}.{secret} != 55; "
    "u32({bare}) >= 0; not {root}.flag or {root}.x > -9",
    "initial": "3 :: 0; 3 :: 1; 2; -1; 2147483647; -2147483648; 2147483646",
    "initial64": "0; 1; 9223372036854775807; -9223372036854775808; 4294967295",
    "bool": "2 :: ; True",
}
RULES.update({kind: rules.split("; ") for kind, rules in SHORT_RULES.items()})
