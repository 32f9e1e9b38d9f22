#pragma once

#include "model/sequence_trainer.hpp"

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe::model::training {

/// Gradients of some rows of a tensor.
struct row_gradient {
  torch::Tensor rows; ///< [count], rising; not defined: all of them
  torch::Tensor values;
};

/// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) with a running mean
/// of the weights, in one pass over each tensor. Rows that a batch does not touch are left alone
/// and brought up when they are next needed, so that a step's cost does not grow with the
/// catalogue: their moments fade, their momentum moves them on and their mean follows as it would
/// have in the steps between, but for the decay of the weights and of the second moment's root
/// meanwhile.
class optimiser {
public:
  /// The mean reaches back `horizon` steps.
  optimiser(double weight_decay, double horizon);

  /// `parameter` is changed in place. Matrices decay, vectors do not.
  void add(const std::string& name, const torch::Tensor& parameter);

  /// One step with what backward() left in the parameters' gradients, which are taken away, and for
  /// the tensors named in `rows` with what stands there; of all together no more than
  /// `norm_max` long.
  void step(double rate, const std::map<std::string, row_gradient>& rows, double norm_max);

  /// Brings some rows to the present: REQUIRED before they are looked at.
  void refresh(const std::string& name, const torch::Tensor& rows);

  /// So far.
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

  /// Brings all rows to the present.
  void settle();

  /// The mean of a parameter, as of the last settle().
  [[nodiscard]] const torch::Tensor& mean(const std::string& name) const;

  /// Parameter and mean become `to`; its moments stay.
  void assign(const std::string& name, const torch::Tensor& to);

  /// Everything as named tensors and numbers. REQUIRES: settled.
  void save(trainer_state& to) const;

  /// Errors: invalid_argument, naming what is missing or of another size.
  [[nodiscard]] result<void> load(const trainer_state& from);

private:
  struct entry {
    torch::Tensor parameter, first, second, mean;
    bool decays = false;
    std::vector<std::uint64_t> touched; ///< by row: the step it was last brought to
  };

  void step_entry(entry& of, const row_gradient& by, double rate, double scale);
  void catch_up(entry& of, std::size_t row, std::uint64_t to);

  double weight_decay_;
  double horizon_;
  std::map<std::string, entry> entries_;
  std::uint64_t steps_ = 0;
  double rate_ = 0; ///< of the last step
};

} // namespace troupe::model::training
