-- A chain with two stores in a group, an outlier, and a store that was never crawled; two months of history.
INSERT INTO companies (id, slug, name) VALUES (1, 'aldi', 'ALDI');
INSERT INTO divisions (id, company_id, name) VALUES (1, 1, 'Supermarkets');
INSERT INTO geo_clusters (id, company_id, name, latitude, longitude, is_active, created_at)
  VALUES (1, 1, 'Perth', -31.95, 115.86, true, '2026-01-30 00:00:00.000000');
INSERT INTO stores (id, company_id, store_id, division_id, cluster_id, name, state, postcode, hours, is_active, last_scraped_at)
  VALUES (1, 1, 'G001', 1, 1, 'One', 'WA', '6000', '{"mon": "9-5"}', true, '2026-03-09 10:00:00.000000'),
         (2, 1, 'G002', 1, 1, 'Two', 'WA', '6001', 'null', true, '2026-03-02 11:00:00.000000'),
         (3, 1, 'G003', 1, NULL, 'Three', 'WA', NULL, 'null', true, '2026-03-02 12:00:00.000000'),
         (4, 1, 'G004', 1, NULL, 'Four', NULL, NULL, 'null', false, NULL);
INSERT INTO categories (id, company_id, parent_id, root_id, name, path)
  VALUES (1, 1, NULL, NULL, 'Dairy', 'Dairy'), (2, 1, 1, 1, 'Milk', 'Dairy > Milk'), (3, 1, NULL, NULL, 'Pantry', 'Pantry');
INSERT INTO products (id, name, brand, gtin, match_key, created_at)
  VALUES (1, 'Full Cream Milk', 'Farmdale', '09300000000017', 'farmdale|full cream milk|2000 ml', '2026-02-02 09:00:00.000000'),
         (2, 'Rolled Oats', NULL, NULL, '|rolled oats|750 g', '2026-02-02 09:00:00.000000');
INSERT INTO skus (id, company_id, code, name, brand, size, size_key, barcode, barcode_is_local, category_id,
                  root_category_id, product_id, details_key, details_seen_at, first_seen_at)
  VALUES (1, 1, 'milk', 'Full Cream Milk', 'Farmdale', '2L', '2000 ml', '9300000000017', false, 2, 1, 1, 'a',
          '2026-03-09 09:00:00.000000', '2026-02-02 09:00:00.000000'),
         (2, 1, 'oats', 'Rolled Oats', NULL, '750g', '750 g', NULL, NULL, 3, 3, 2, 'b',
          '2026-03-09 09:00:00.000000', '2026-02-02 09:00:00.000000'),
         (3, 1, 'rice', 'Rice', NULL, NULL, NULL, NULL, NULL, 3, 3, NULL, 'c',
          '2026-02-02 09:00:00.000000', '2026-02-02 09:00:00.000000'),
         (4, 1, 'tea', 'Tea', NULL, NULL, NULL, NULL, NULL, 3, 3, NULL, 'd',
          '2026-03-09 09:00:00.000000', '2026-03-09 09:00:00.000000');
INSERT INTO crawls (id, crawl_id, company_id, store_id, spider, host, started_at, finished_at, observed_from, observed_to,
                    complete, store_verified, finish_reason, failure_class, scope, counts, rows, sha256, file, ingested_at)
  VALUES (1, 'c1', 1, 1, 'aldi', 'h', '2026-02-02 09:00:00.000000', '2026-02-02 10:00:00.000000', '2026-02-02 09:00:00.000000',
          '2026-02-02 10:00:00.000000', true, true, 'finished', NULL, '[]', '{}', 3, 's1', 'ingested/c1', '2026-02-02 11:00:00.000000'),
         (2, 'c2', 1, 2, 'aldi', 'h', '2026-03-02 10:00:00.000000', '2026-03-02 11:00:00.000000', '2026-03-02 10:00:00.000000',
          '2026-03-02 11:00:00.000000', true, true, 'finished', NULL, '[]', '{}', 2, 's2', 'ingested/c2', '2026-03-02 12:00:00.000000'),
         (3, 'c3', 1, 3, 'aldi', 'h', '2026-03-02 11:00:00.000000', '2026-03-02 12:00:00.000000', '2026-03-02 11:00:00.000000',
          '2026-03-02 12:00:00.000000', true, true, 'finished', NULL, '[]', '{}', 2, 's3', 'ingested/c3', '2026-03-02 13:00:00.000000'),
         (4, 'c4', 1, 1, 'aldi', 'h', '2026-03-09 09:00:00.000000', '2026-03-09 10:00:00.000000', '2026-03-09 09:00:00.000000',
          '2026-03-09 10:00:00.000000', true, true, 'finished', NULL, '[]', '{}', 3, 's4', 'ingested/c4', '2026-03-09 11:00:00.000000');
INSERT INTO coverage (crawl_id, category_id, store_id, observed_from, observed_to, rows)
  VALUES (1, 1, 1, '2026-02-02 09:00:00.000000', '2026-02-02 10:00:00.000000', 1),
         (1, 3, 1, '2026-02-02 09:00:00.000000', '2026-02-02 10:00:00.000000', 2),
         (2, 1, 2, '2026-03-02 10:00:00.000000', '2026-03-02 11:00:00.000000', 1),
         (2, 3, 2, '2026-03-02 10:00:00.000000', '2026-03-02 11:00:00.000000', 1),
         (3, 3, 3, '2026-03-02 11:00:00.000000', '2026-03-02 12:00:00.000000', 2),
         (4, 1, 1, '2026-03-09 09:00:00.000000', '2026-03-09 10:00:00.000000', 1),
         (4, 3, 1, '2026-03-09 09:00:00.000000', '2026-03-09 10:00:00.000000', 2);
INSERT INTO prices (store_id, sku_id, root_category_id, available, since, listed_since, left_at, crawl_id, price_cents,
                    was_cents, unit_price_cents, unit_measure, special_kind)
  VALUES (1, 1, 1, true, '2026-03-09 09:00:00.000000', '2026-02-02 09:00:00.000000', NULL, 4, 329, NULL, 165, '1 l', NULL),
         (1, 2, 3, true, '2026-02-02 09:00:00.000000', '2026-02-02 09:00:00.000000', NULL, 1, 210, NULL, NULL, NULL, NULL),
         (1, 3, 3, NULL, '2026-02-02 09:00:00.000000', '2026-02-02 09:00:00.000000', '2026-03-09 09:00:00.000000', 1, 150, NULL, NULL, NULL, NULL),
         (1, 4, 3, true, '2026-03-09 09:00:00.000000', '2026-03-09 09:00:00.000000', NULL, 4, 400, 500, NULL, NULL, 'special'),
         (2, 1, 1, true, '2026-03-02 10:00:00.000000', '2026-03-02 10:00:00.000000', NULL, 2, 299, NULL, 150, '1 l', NULL),
         (2, 2, 3, false, '2026-03-02 10:00:00.000000', '2026-03-02 10:00:00.000000', NULL, 2, 210, NULL, NULL, NULL, NULL),
         (3, 2, 3, true, '2026-03-02 11:00:00.000000', '2026-03-02 11:00:00.000000', NULL, 3, 230, NULL, NULL, NULL, NULL);
INSERT INTO price_history (store_id, sku_id, since, until, reason, crawl_id, price_cents, was_cents, unit_price_cents, unit_measure)
  VALUES (1, 1, '2026-02-02 09:00:00.000000', '2026-02-20 09:00:00.000000', 'changed', 1, 310, NULL, 155, '1 l'),
         (1, 1, '2026-02-20 09:00:00.000000', '2026-03-09 09:00:00.000000', 'changed', 1, 299, 310, 150, '1 l'),
         (1, 3, '2026-02-02 09:00:00.000000', '2026-03-09 09:00:00.000000', 'left', 1, 150, NULL, NULL, NULL),
         (3, 3, '2025-12-02 09:00:00.000000', '2025-12-31 23:59:59.999999', 'left', 3, 140, NULL, NULL, NULL),
         (3, 4, '2025-12-02 09:00:00.000000', '2026-01-01 00:00:00.000000', 'gap', 3, 410, NULL, NULL, NULL);
INSERT INTO store_groups (id, company_id, category_id, name, is_active, status, ambassador_id, last_checked_at, created_at)
  VALUES (1, 1, NULL, 'aldi G001', true, 'HEALTHY', 1, '2026-03-09 12:00:00.000000', '2026-03-02 12:00:00.000000');
INSERT INTO store_group_memberships (id, store_id, category_id, group_id, since, until, confirmed_at, suspended_at, ended_by)
  VALUES (1, 1, NULL, 1, '2026-03-02 12:00:00.000000', NULL, '2026-03-09 10:00:00.000000', NULL, NULL),
         (2, 2, NULL, 1, '2026-03-02 12:00:00.000000', NULL, '2026-03-02 11:00:00.000000', NULL, NULL);
INSERT INTO ambassador_tenures (id, group_id, store_id, since, until) VALUES (1, 1, 1, '2026-03-02 12:00:00.000000', NULL);
INSERT INTO group_prices (group_id, sku_id, changed_at, listed_from, left_at, crawl_id, price_cents, was_cents, unit_price_cents,
                          unit_measure, special_kind)
  VALUES (1, 1, '2026-03-09 09:00:00.000000', '1970-01-01 00:00:00.000000', NULL, 4, 329, NULL, 165, '1 l', NULL),
         (1, 2, '1970-01-01 00:00:00.000000', '1970-01-01 00:00:00.000000', NULL, 1, 210, NULL, NULL, NULL, NULL),
         (1, 4, '2026-03-09 09:00:00.000000', '2026-03-09 09:00:00.000000', NULL, 4, 400, 500, NULL, NULL, 'special');
INSERT INTO group_price_history (group_id, sku_id, since, until, listed_from, reason, crawl_id, price_cents)
  VALUES (1, 1, '1970-01-01 00:00:00.000000', '2026-03-09 09:00:00.000000', '1970-01-01 00:00:00.000000', 'changed', 1, 299);
INSERT INTO store_categories (store_id, category_id, covered_at, crawl_id, group_id)
  VALUES (1, 1, '2026-03-09 10:00:00.000000', 4, 1), (1, 3, '2026-03-09 10:00:00.000000', 4, 1),
         (2, 1, '2026-03-02 11:00:00.000000', 2, 1), (2, 3, '2026-03-02 11:00:00.000000', 2, 1),
         (3, 3, '2026-03-02 12:00:00.000000', 3, NULL);
INSERT INTO store_group_candidates (id, group_id, store_id, crawl_id, stamped_at) VALUES (1, 1, 2, 2, '2026-03-02 12:00:00.000000');
INSERT INTO group_events (id, company_id, group_id, store_id, kind, verdict, figures, at)
  VALUES (1, 1, 1, 2, 'joined', NULL, '{}', '2026-03-02 12:00:00.000000');
INSERT INTO leases (id, company_id, store_id, worker, mode, kind, reason, leased_at, expires_at, released_at, outcome)
  VALUES (1, 1, 1, 'h', 'discovery', 'd', 'r', '2026-02-02 08:00:00.000000', '2026-02-02 09:00:00.000000', '2026-02-02 10:00:00.000000', 'finished');
INSERT INTO uploads (id, sha256, kind, name, crawl_id, size_bytes, received_at)
  VALUES (1, 's1', 'products', 'c1.jsonl.gz', 'c1', 100, '2026-02-02 10:30:00.000000');
