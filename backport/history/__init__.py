"""What the history of a tree tells, where there is one; without it every answer is "cannot know", with the reason."""
