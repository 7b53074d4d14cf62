"""What is believed of a key of which little is known: an ordinary subscriber.

A ratio over few events is shrunk to these, so that a new subscriber is not punished for his first call. The
values come from what is published of conversational traffic (mean call 180 s, 3.7 % of calls up to 6 s,
lognormal with sigma 1.374; answer ratio 50 to 70 %; 60 to 80 % of calls to people called before).
"""

from __future__ import annotations

import math

from spit.features.declare import Prior

ANSWER_RATIO = Prior(0.6, 5.0)
SHORT_RATIO = Prior(0.04, 5.0)
ONE_RING_RATIO = Prior(0.01, 5.0)
CANCELLED_RATIO = Prior(0.1, 5.0)
NOT_FOUND_RATIO = Prior(0.02, 5.0)
REFUSED_RATIO = Prior(0.1, 5.0)
NO_ANSWER_RATIO = Prior(0.2, 5.0)
UNWANTED_RATIO = Prior(0.001, 5.0)
CALLEE_HANG_UP_RATIO = Prior(0.5, 5.0)
MEAN_TALK_S = Prior(180.0, 3.0)
#: Of a lognormal with sigma 1.374: sqrt(exp(sigma^2) - 1).
TALK_VARIATION = Prior(math.sqrt(math.exp(1.374**2) - 1.0), 3.0)
MEAN_RING_S = Prior(15.0, 3.0)
FIRST_CONTACT_RATIO = Prior(0.3, 5.0)
REDIAL_RATIO = Prior(0.1, 5.0)
RECIPROCAL_RATIO = Prior(0.3, 5.0)
SEQUENTIAL_RATIO = Prior(0.001, 5.0)
SAME_BLOCK_RATIO = Prior(0.01, 5.0)
#: People call in bursts with long pauses: the gaps vary more than an exponential's, whose value is 1.
GAP_VARIATION = Prior(1.5, 5.0)
LOG_GAP_SPREAD = Prior(2.0, 5.0)
NEW_CALLER_RATIO = Prior(0.3, 5.0)
ROTATION_RATIO = Prior(0.5, 5.0)
RARE_RATIO = Prior(0.02, 5.0)
#: Of the calls on a trunk, those of callers who call rarely; and of these, the ones to somebody new.
YOUNG_RATIO = Prior(0.3, 10.0)
YOUNG_FIRST_CONTACT_RATIO = Prior(0.8, 5.0)
NEIGHBOUR_RATIO = Prior(0.05, 5.0)
NEAR_CALLER_RATIO = Prior(0.01, 5.0)
KNOWN_RATIO = Prior(0.4, 5.0)
STRANGER_ANSWER_RATIO = Prior(0.5, 5.0)
KNOWN_TALK_RATIO = Prior(0.6, 600.0)
QUICK_HANG_UP_RATIO = Prior(0.03, 5.0)
DECLINED_RATIO = Prior(0.05, 5.0)
RING_OUT_S = Prior(25.0, 3.0)
#: People give up after 10 to 60 s; machines always after the same time.
RING_OUT_VARIATION = Prior(0.5, 3.0)
ANSWER_RING_S = Prior(9.0, 3.0)
PDD_S = Prior(2.0, 5.0)
MEAN_LEVEL = Prior(1.5, 3.0)
LEVEL_SPREAD = Prior(0.2, 3.0)
INBOUND_NOT_FOUND_RATIO = Prior(0.01, 2.0)
MESSAGE_RATIO = Prior(0.02, 5.0)
#: As many as ever; worth a few attempts, so that the second call of a new subscriber is no surge.
SURGE = Prior(1.0, 5.0)
CHANGE_OF_FIRST_CONTACTS = Prior(0.3, 5.0)
CHANGE_OF_ANSWERS = Prior(0.6, 5.0)
CHANGE_OF_TALK_S = Prior(180.0, 3.0)
HABIT = Prior(0.5, 5.0)
