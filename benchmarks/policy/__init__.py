"""How well the policy works: scheduler, ingestion and grouping on a market with known truth.

    python -m benchmarks.policy --seeds 20

Each day's crawls are leased from the scheduler, at a share of what every store every day would take; their shelves are
written as files, ingestion takes them in, grouping runs. No HTTP and no spiders: what is measured is what is decided.

**The market.** Three price lists, produce priced by state, some stores with whole categories of another list, some that
price alone; a weekly flip, unscheduled changes of 1 to 8 % of a list every ten days on average, departures and
arrivals, small and wide ranges, local clearances, crawls that are blocked midway. Every change reaches each store at
some hour of its own, within twelve. Eight stores change their list, half of them while they are Ambassadors. Small
stores carry some departments only: of two lists that differ in others they show both, and are right in either group.

**Wrong** is an effective price that is not the shelf's at the end of the day, for whatever reason; **false
availability** one of what is not on the shelf at all; **missing** what is on the shelf and has no effective price. All
are shares of the effective prices (missing: of the shelves' offers), as means over the days after discovery.

**The oracle** sees the same crawls, category by category as far as they are complete, and knows more: which list prices
each category of each store at every moment, and which of the prices in a crawl are the list's own. It has no group,
waits for no verdict and takes no deviation for news. What it answers for a sku of a store: the list as the newest crawl
of *any* store of that list shows it, where this is not what the store's list said when the store itself was crawled
last; else what the store itself showed then. What the store did not range then, although the list had it, it does not
range. A store that changes its list takes the new one's prices from the same moment on. The **second oracle** differs
in one thing: it learns of a change of list from the store's next crawl of a category that the change is about, as
everybody must that sees only the crawls.
Excess is our share less an oracle's.

**Beside it**, on the same crawls: *flat 98 %*, where a crawl that agrees with the Ambassador's newest to 98 % of the
shared skus belongs, whatever the day or the category, and any other is outcast to whichever Ambassador it agrees with;
and *freshest wins*, on our own groups. Both take for each sku the newer of the store's own and the Ambassador's offer.
"""
