"""Where the Beam job of a split runs: runners, their trial, paths that workers share, worker processes."""
