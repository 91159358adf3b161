"""What every job shares: plan, shards, resume, manifest, Beam runner."""
