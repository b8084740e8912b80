"""What is loaded and served: catalogue, loaders, encoder, index shard. Knows no Ray and no HTTP."""
