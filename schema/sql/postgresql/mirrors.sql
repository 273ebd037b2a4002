-- What mirrorctl mirrors apply needs on PostgreSQL alone.

-- The plan is made of what was read, and names of sites and netblocks are not unique in
-- MirrorManager2: two plans at once would insert the same rows twice. Reading goes on meanwhile.
-- name: mirrors_lock_postgresql
LOCK TABLE site IN SHARE ROW EXCLUSIVE MODE;
