// C++ for the comparison of symbols: templates, inlined calls, lambdas, virtual functions, exceptions. Its last line says that it ran.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace shapes
{
struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
};

template <typename T> struct Box : Shape {
	T width, height;
	Box(T w, T h) : width(w), height(h)
	{
	}
	double area() const override
	{
		return double(width) * double(height);
	}
};

struct Circle : Shape {
	double radius;
	explicit Circle(double r) : radius(r)
	{
	}
	double area() const override
	{
		return 3.14159 * radius * radius;
	}
};
} // namespace shapes

static inline __attribute__((always_inline)) int mix(int a, int b)
{
	return (a ^ (b << 3)) * 31 + b;
}

__attribute__((noinline)) static int chain(int x)
{
	int s = 0;

	for (int i = 0; i < 100; i++)
		s = mix(s, mix(i, x));
	return s;
}

struct Parser {
	std::map<std::string, std::vector<int>> words;
	void feed(const std::string &text)
	{
		std::istringstream in(text);
		std::string word;
		int n = 0;

		while (in >> word) {
			if (word.size() > 100)
				throw std::runtime_error("too long: " + word);
			words[word].push_back(n++);
		}
	}
	int best() const
	{
		auto it = std::max_element(words.begin(), words.end(), [](auto &a, auto &b) { return a.second.size() < b.second.size(); });

		return it == words.end() ? 0 : int(it->second.size());
	}
};

int main(int argc, char **argv)
{
	std::vector<std::unique_ptr<shapes::Shape>> all;
	Parser parser;
	int sum = 0;

	for (int i = 0; i < 1000; i++)
		if (i % 3)
			all.emplace_back(new shapes::Box<int>(i, i + 1));
		else
			all.emplace_back(std::make_unique<shapes::Circle>(i));
	std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) { return a->area() < b->area(); });
	double total = std::accumulate(all.begin(), all.end(), 0.0, [](double s, const auto &p) { return s + p->area(); });

	for (int i = 0; i < 50; i++)
		parser.feed("the quick brown fox jumps over the lazy dog and the cat");
	std::function<int(int)> f = [&](int x) { return chain(x) + parser.best(); };
	for (int i = 0; i < argc * 2000000; i++)
		sum += f(i);
	std::printf("%.0f %d\n", total, sum);
}
