/* SPDX-License-Identifier: Apache-2.0 OR BSD-2-Clause OR GPL-2.0 */
/* The FACT rows of facts.def alone: define FACT(id, path, type, operators, speed, values, doc) and include this. */
#define OPERATOR(id, set, spelling, doc)
#define FACT_TYPE(id, doc)
#define SPEED(id, doc)
#define WORD(set, word, doc)
#include "facts.def"
#undef OPERATOR
#undef FACT_TYPE
#undef SPEED
#undef WORD
#undef FACT
