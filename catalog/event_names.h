/* SPDX-License-Identifier: Apache-2.0 OR BSD-2-Clause OR GPL-2.0 */
/* The EVENT rows of events.def alone: define EVENT(id, set, intro) and include this. */
#define TEXT(event, section, text)
#define ARGUMENT(event, field, type, doc)
#define RELATED(event, name, doc)
#define EVENT_END(id)
#include "events.def"
#undef EVENT
#undef TEXT
#undef ARGUMENT
#undef RELATED
#undef EVENT_END
