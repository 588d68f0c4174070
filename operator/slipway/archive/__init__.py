"""Launch records as their readers see them: listed, verified, exported, with the reader's own rights."""
