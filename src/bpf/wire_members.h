/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Members of one wire record from the catalogue, widest first. Included by wire.h with WIRE_OF_<group> defined. */
#define FIELD(group, id, path, wire, kind, doc) WIRE_OF_##group(WIRE_8_##wire(id))
#define PART(group, id, wire, doc) WIRE_OF_##group(WIRE_8_##wire(id))
#include "../../catalog/fields.def"
#undef FIELD
#undef PART
#define FIELD(group, id, path, wire, kind, doc) WIRE_OF_##group(WIRE_4_##wire(id))
#define PART(group, id, wire, doc) WIRE_OF_##group(WIRE_4_##wire(id))
#include "../../catalog/fields.def"
#undef FIELD
#undef PART
#define FIELD(group, id, path, wire, kind, doc) WIRE_OF_##group(WIRE_2_##wire(id))
#define PART(group, id, wire, doc) WIRE_OF_##group(WIRE_2_##wire(id))
#include "../../catalog/fields.def"
#undef FIELD
#undef PART
#define FIELD(group, id, path, wire, kind, doc) WIRE_OF_##group(WIRE_1_##wire(id))
#define PART(group, id, wire, doc) WIRE_OF_##group(WIRE_1_##wire(id))
#include "../../catalog/fields.def"
#undef FIELD
#undef PART
