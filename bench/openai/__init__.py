"""What the fine-tuning protocol costs us: bringing a file, and listening."""
