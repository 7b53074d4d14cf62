"""A second opinion: labelled SIP traffic from a simulator that shares nothing with ``spit simulate``.

It was written by an author who had never seen the project's own simulator: the kinds of caller, how callees
react, the formats of trunks and the strengths of campaigns are decisions of another mind. A model that was
trained on the project's simulator meets here what its makers did not think of.

Its worth is its independence, so two rules hold, and changes are reviewed against them:

* It imports nothing of ``spit``, and nothing of ``spit/simulate`` is copied into it, nor the reverse.
* It measures, and nothing else. Nobody tunes the simulator, the features, the model or a threshold on it.
  Seeds 1 to 3 have been looked at; results are reported on seeds 11 to 13, the comparison's rival is trained
  on seeds 14 and 15 (``benches/transfer.py``).

    cd benches && python -m second_opinion SEED OUT.pcap OUT.labels.csv

The same seed and size give the same bytes (with the same versions of Python and NumPy). The order of random
draws is part of that: a draw that is added or moved changes all traffic after it, and old results with it.

How it works: intents to call wait in a queue in order of time (``world``). Callees have state: lines that
are busy, whom they know, a voicemail (``parties``, ``callees``). What happens to a call may put another one
into the queue: a redial, a call back (``simulation``). Each call is then rendered as SIP on one or two legs
of one of 16 trunks with formats of their own (``trunks``, ``legs``, ``dialogs``, ``frames``).
"""
