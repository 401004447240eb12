"""Train a support-vector machine on scikit-learn's bundled digits, in epochs over its kernel width."""

import argparse
import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC
from tqdm import tqdm

from elsewhere import Task

GAMMAS = [10.0**exponent for exponent in range(-5, 0)]


def main() -> None:
    """Search the kernel width, and print the best accuracy on held-out digits."""
    task = Task.init(project_name="digits", task_name="svm")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--C", type=float, default=1.0, help="how much a wrong digit costs")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    task.execute_remotely(queue_name="default")

    digits, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        digits, labels, test_size=0.3, random_state=arguments.seed
    )
    best = 0.0
    for gamma in tqdm(GAMMAS, desc="training", file=sys.stderr):
        model = SVC(C=arguments.C, gamma=gamma).fit(train_x, train_y)
        score = model.score(test_x, test_y)
        best = max(best, score)
        tqdm.write(f"gamma {gamma:g}: accuracy {score:.4f}")
    print(f"C {arguments.C:g}: best accuracy {best:.4f}")


if __name__ == "__main__":
    main()
