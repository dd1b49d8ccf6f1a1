"""What every app needs: errors, the shape of commands, who acts."""
