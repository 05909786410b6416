runner {}
runner {} # error: duplicate_block
