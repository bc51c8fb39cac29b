-- Where an item and each of its takes come from, as JSON for P_EXT:backline. Delivered project files
-- say it in the same words (stems/project_items.py).
local json = require("json")

local provenance = {}

-- What an item is asked to be: the order, for variations and for taking its settings up again.
function provenance.of_item(order, manifest, stem)
  return json.encode({
    rid = order.rid, job = order.job or 0, stem = stem, title = order.title, keys = order.keys,
    start_qn = order.start_qn, bars = order.bars, folder = order.folder, backline = manifest.backline,
  })
end

-- What a stem was split from. It has no settings to vary or to take up.
function provenance.of_split(order, manifest, stem)
  return json.encode({
    rid = order.rid, job = order.job or 0, stem = stem, title = order.title, split = order.sound.path,
    folder = order.folder, backline = manifest.backline,
  })
end

-- How one take was made.
function provenance.of_take(order, manifest, take)
  local entry = type(manifest.takes[take.take]) == "table" and manifest.takes[take.take] or {}
  local engine = type(manifest.engine) == "table" and manifest.engine or {}
  return json.encode({
    rid = order.rid, job = order.job or 0, take = take.take, seed = entry.seed or json.null,
    engine = engine.name or json.null, weights = engine.weights or json.null, sha256 = take.entry.sha256,
    folder = order.folder,
  })
end

return provenance
